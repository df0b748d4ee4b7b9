/** Starts any of the brokers under test, each in a fresh process, and tells which of them there are. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrokerName, BrokerSetup, MemoryUse } from '../types.js'
import type { Certificate } from './certificate.js'
import { mosquittoInstalled, startMosquitto } from './mosquitto.js'
import { cores, end, nextMessage, startNode } from './process.js'
import type { HostArguments } from './serve.js'

export interface RunningBroker {
  pid: number
  port: number
  memory(): Promise<MemoryUse>
  stop(): Promise<void>
}

const NODE_FLAGS = ['--expose-gc']

function hostFile(name: BrokerName): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url))
}

/** Whether a broker can be started here. */
export function installed(name: BrokerName): boolean {
  return name === 'mosquitto' ? mosquittoInstalled : existsSync(hostFile(name))
}

async function startHost(name: BrokerName, setup: BrokerSetup, certificate: Certificate): Promise<RunningBroker> {
  const { keyFile, certificateFile } = certificate
  const parameters: HostArguments = { ...setup, keyFile, certificateFile }
  const child = startNode(cores.broker, hostFile(name), NODE_FLAGS, [JSON.stringify(parameters)])
  const { port } = await nextMessage<{ port: number }>(child)
  return {
    pid: child.pid!,
    port,
    async memory() {
      child.send('memory')
      return (await nextMessage<{ memory: MemoryUse }>(child)).memory
    },
    stop: () => end(child),
  }
}

export function startBroker(name: BrokerName, setup: BrokerSetup, certificate: Certificate): Promise<RunningBroker> {
  return name === 'mosquitto' ? startMosquitto(setup, certificate) : startHost(name, setup, certificate)
}
