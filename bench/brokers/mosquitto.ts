/** Mosquitto as a broker under test: its configuration, and how to tell that it listens. */
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../measure.js'
import { cores, end, findProgram, startOn } from './process.js'
import type { HostArguments } from './serve.js'
import type { RunningBroker } from './start.js'

const program = findProgram('mosquitto')

export const mosquittoInstalled = program !== undefined

function configuration(port: number, setup: HostArguments): string {
  return [
    `listener ${port} 0.0.0.0`,
    ...(setup.transport === 'tls' ? [`certfile ${setup.certificateFile}`, `keyfile ${setup.keyFile}`] : []),
    'user root',
    'allow_anonymous true',
    ...(setup.store === 'autosave'
      ? ['persistence true', `persistence_location ${setup.folder}/`]
      : ['persistence false']),
    'set_tcp_nodelay true',
    'max_inflight_messages 100',
    'max_queued_messages 0',
    'max_queued_bytes 0',
    'log_dest none',
    '',
  ].join('\n')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

export async function startMosquitto(setup: HostArguments): Promise<RunningBroker> {
  const port = await freePort()
  const file = join(setup.folder, 'mosquitto.conf')
  writeFileSync(file, configuration(port, setup))
  const child = startOn(cores.broker, program!, ['-c', file], { stdio: 'ignore' })
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`)
    await sleep(20)
  }
  const pid = child.pid!
  return {
    pid,
    port,
    memory: async () => ({ resident: residentBytes(pid), heap: undefined }),
    stop: () => end(child),
  }
}
