/** Shared by the scenarios: the target, and raw clients that follow no rules. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connectPacket } from './packets.js'
import type { Numbers } from './targets/broker-process.js'
import { MeasuredBroker } from './targets/measured-broker.js'
import type { Ports, Target } from './targets/target.js'
import { inTime } from './waiting.js'

/** The healthy pair. */
const WATCHERS = 2

const UPGRADE = Buffer.from(
  [
    'GET / HTTP/1.1',
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol: mqtt',
    '\r\n',
  ].join('\r\n'),
)

export class Attacked {
  readonly #target: Target
  readonly #sockets: net.Socket[] = []

  constructor(target: Target) {
    this.#target = target
  }

  get port(): number {
    return this.#target.ports.tcp
  }

  /** A socket that has sent these packets in one write. */
  raw(...packets: Buffer[]): Promise<net.Socket> {
    return this.#dial(this.port, packets)
  }

  /** A socket connected to another listener of the target. */
  rawAt(listener: keyof Ports, ...packets: Buffer[]): Promise<net.Socket> {
    return this.#dial(this.#target.ports[listener]!, packets)
  }

  /** A socket that was upgraded to WebSocket, and has sent no frame. */
  async webSocket(): Promise<net.Socket> {
    const socket = await this.rawAt('ws', UPGRADE)
    await inTime('answer to an upgrade', once(socket, 'data'))
    return socket
  }

  async #dial(port: number, packets: readonly Buffer[], localAddress?: string): Promise<net.Socket> {
    const socket = net.connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) })
    socket.on('error', () => {})
    this.#sockets.push(socket)
    await once(socket, 'connect')
    socket.setNoDelay(true)
    socket.write(Buffer.concat(packets))
    return socket
  }

  /** A connected client: it has received bytes. */
  async client(clientId: string, ...packets: Buffer[]): Promise<net.Socket> {
    const socket = await this.raw(connectPacket(clientId), ...packets)
    await once(socket, 'data')
    return socket
  }

  /** A client that has received bytes, or was closed. */
  async answered(packet: Buffer): Promise<net.Socket> {
    const socket = await this.raw(packet)
    await Promise.race([once(socket, 'data'), once(socket, 'close')])
    return socket
  }

  /**
   * The first bytes that the target answers to packets from an address of this machine; undefined if it answers none.
   */
  async answerTo(packet: Buffer, address: string): Promise<Buffer | undefined> {
    const socket = await this.#dial(this.port, [packet], address)
    const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])])
    socket.destroy()
    return answer
  }

  clients(count: number, prefix: string, ...packets: Buffer[]): Promise<net.Socket[]> {
    return inGroups('CONNACK', count, i => this.client(`${prefix}${i}`, ...packets))
  }

  /** Sockets that each send their own packets and have received an answer. */
  clientsThatSend(count: number, packets: (i: number) => Buffer): Promise<net.Socket[]> {
    return inGroups('answer', count, i => this.answered(packets(i)))
  }

  /** Sockets that have sent nothing. */
  silent(count: number, listener: keyof Ports = 'tcp'): Promise<net.Socket[]> {
    return inGroups('connection', count, () => this.rawAt(listener))
  }

  /**
   * Clients without sockets that all send the same packets: a machine can run more of them.
   * @param kind whether they read everything, or only the first answer
   */
  async sinks(count: number, packets: Buffer, kind: 'reading' | 'frozen' = 'reading'): Promise<void> {
    await this.#broker().ask({ name: 'sinks', count, connect: packets.toString('hex'), kind })
  }

  /** Disconnects them. */
  async sinksLeave(): Promise<void> {
    await this.#broker().ask({ name: 'sinks leave' })
  }

  /** Resolves when only a few watching clients are connected. */
  left(): Promise<void> {
    return this.until('end of all connections', ({ clients }) => clients <= WATCHERS)
  }

  /** Resolves when the broker's numbers satisfy a condition. */
  async until(what: string, isSo: (numbers: Numbers) => boolean): Promise<void> {
    const broker = this.#broker()
    const looking = async () => {
      while (!isSo(await broker.ask<Numbers>({ name: 'numbers' }))) await pause(50)
    }
    await inTime(what, looking())
  }

  async numbers(): Promise<Numbers> {
    return this.#broker().ask<Numbers>({ name: 'numbers' })
  }

  #broker(): MeasuredBroker {
    if (this.#target instanceof MeasuredBroker) return this.#target
    throw new Error('only a broker that measures itself answers')
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await this.#target.end()
  }
}

/**
 * Opens sockets, a hundred at a time. There is one time limit for each hundred: one per socket would take CPU time of
 * this process, which then could not connect as fast as the attacked broker accepts.
 */
async function inGroups(what: string, count: number, make: (i: number) => Promise<net.Socket>): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  for (let from = 0; from < count; from += 100) {
    const group = Array.from({ length: Math.min(100, count - from) }, (_, i) => make(from + i))
    sockets.push(...(await inTime(what, Promise.all(group))))
  }
  return sockets
}

/** Resolves when the sockets have received nothing for a while. */
export async function quiet(sockets: readonly net.Socket[], ms = 300): Promise<void> {
  const total = () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  for (let before = -1, now = total(); now !== before; now = total()) {
    before = now
    await new Promise(resolve => setTimeout(resolve, ms))
  }
}
