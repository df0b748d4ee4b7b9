/** Starts any broker under test, each in a fresh process, and knows which are installed. */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrokerName, type BrokerSetup, type BrokerUnderTest, brokers, type Program } from '../types.js'
import type { Certificate } from './certificate.js'
import { cores, end, nextMessage, startNode } from './process.js'
import { command } from './programs/command.js'
import { mochi } from './programs/mochi.js'
import { mosquitto, newestMosquitto } from './programs/mosquitto.js'
import { type Program as Started, startProgram } from './programs/program.js'
import { rumqttd } from './programs/rumqttd.js'
import type { RunningBroker } from './running.js'
import type { HostAnswers, HostArguments } from './serve.js'

const NODE_FLAGS = ['--expose-gc']

type Hosted = 'anax' | 'relay' | 'aedes'

/** Programs that get a port as argument; all others are processes of the benchmark that report theirs. */
function programs(checkout?: string): Record<Exclude<Program, Hosted>, Started> {
  return { command: command(checkout), mosquitto, 'mosquitto-2.1': newestMosquitto, rumqttd, mochi }
}

function isHosted(program: Program): program is Hosted {
  return program === 'anax' || program === 'relay' || program === 'aedes'
}

/** The compiled program of a broker, of this checkout or of another one. */
function hostFile(program: Hosted, checkout?: string): string {
  if (checkout !== undefined) return join(checkout, 'dist/bench/brokers', `${program}.js`)
  return fileURLToPath(new URL(`./${program}.js`, import.meta.url))
}

/**
 * Whether a broker can be started here.
 *
 * @param checkout another built checkout to take it from
 */
export function installed(name: BrokerName, checkout?: string): boolean {
  const { program } = brokers[name]
  return isHosted(program) ? existsSync(hostFile(program, checkout)) : programs(checkout)[program].file !== undefined
}

async function ask<Request extends keyof HostAnswers>(child: ChildProcess, request: Request) {
  child.send(request)
  return (await nextMessage<{ answer: HostAnswers[Request] }>(child)).answer
}

async function startHost(file: string, parameters: HostArguments): Promise<RunningBroker> {
  const child = startNode(cores.broker, file, NODE_FLAGS, [JSON.stringify(parameters)])
  const { port } = await nextMessage<{ port: number }>(child)
  return {
    pid: child.pid!,
    port,
    memory: () => ask(child, 'memory'),
    profiler: {
      async start() {
        await ask(child, 'startProfile')
      },
      stop: () => ask(child, 'stopProfile'),
    },
    stop: () => end(child),
  }
}

/**
 * Starts a broker. Its store gets its own folder, which is removed when it stops.
 * @param checkout another built checkout to take the broker from
 */
export async function startBroker(
  name: BrokerName,
  setup: BrokerSetup,
  certificate: Certificate,
  checkout?: string,
): Promise<RunningBroker> {
  const { program, store, metrics = false }: BrokerUnderTest = brokers[name]
  const { keyFile, certificateFile } = certificate
  const folder = mkdtempSync(join(certificate.folder, `${name}-`))
  const parameters: HostArguments = { ...setup, store, metrics, folder, keyFile, certificateFile }
  const running = await (isHosted(program)
    ? startHost(hostFile(program, checkout), parameters)
    : startProgram(programs(checkout)[program], parameters))
  return {
    ...running,
    async stop() {
      await running.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
