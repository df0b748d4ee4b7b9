/**
 * Finds ports for programs that cannot report theirs, or have to listen on the same one after each restart. They are
 * below the numbers that the system chooses from for clients and for port 0: otherwise one of them could get the port
 * before the program starts, or between two of its runs.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const LOWEST = 20_000
/** Linux chooses from 32,768, others from 49,152. */
const HIGHEST = 32_767

/** Ports that nobody listens on, and that no other test file gets until this process ends. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(LOWEST, HIGHEST + 1)
    if ((await reserve(port)) && (await isFree(port))) ports.push(port)
  }
  return ports
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port!
}

/** The reservation is a UDP socket with the same number: it does not disturb TCP, and ends with this process. */
function reserve(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref()
  return new Promise(resolve => {
    socket.once('error', () => resolve(false))
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
