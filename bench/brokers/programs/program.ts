/**
 * Starts a broker that is a separate program and does not report its port: chooses a port, and waits until something
 * listens on it. Knows no broker; the files beside this one have the arguments of each.
 */
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../../measure.js'
import { cores, end, startOn } from '../process.js'
import type { RunningBroker } from '../running.js'
import type { HostArguments } from '../serve.js'

export interface Program {
  /** The program; undefined if it is not installed. */
  file: string | undefined
  /** Its arguments. Writes configuration files into the folder of `setup`. */
  parameters(port: number, setup: HostArguments): string[]
}

/** How long a broker may take until it listens. */
const START_MS = 30_000

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

export async function startProgram({ file, parameters }: Program, setup: HostArguments): Promise<RunningBroker> {
  const port = await freePort()
  const child = startOn(cores.broker, file!, parameters(port, setup), { stdio: 'ignore' })
  const started = performance.now()
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`)
    if (performance.now() - started > START_MS) {
      await end(child)
      throw new Error(`${file} does not listen after ${START_MS / 1000} s`)
    }
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
