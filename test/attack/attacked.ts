/** What scenarios share: the target, and raw clients that obey nothing. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connectPacket } from './packets.js'
import type { Outcome } from './scenarios/scenario.js'
import type { Measured } from './targets/broker-process.js'
import { MeasuredBroker } from './targets/measured-broker.js'
import type { Target } from './targets/target.js'

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
    return this.#target.port
  }

  async measure(attack: () => Promise<Outcome | void>): Promise<Partial<Measured> & Outcome> {
    await this.#target.begin()
    const outcome = await attack()
    return { ...(await this.#target.finish()), ...outcome }
  }

  /** A socket that has sent these packets in one go. */
  raw(...packets: Buffer[]): Promise<net.Socket> {
    return this.#dial(this.port, packets)
  }

  /** One that was upgraded, and has sent no frame. */
  async webSocket(): Promise<net.Socket> {
    const socket = await this.#dial(this.#target.webSocketPort!, [UPGRADE])
    await once(socket, 'data')
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

  /** One that is connected: it has got bytes back. */
  async client(clientId: string, ...packets: Buffer[]): Promise<net.Socket> {
    const socket = await this.raw(connectPacket(clientId), ...packets)
    await once(socket, 'data')
    return socket
  }

  /** One that has got bytes back, or was closed. */
  async answered(packet: Buffer): Promise<net.Socket> {
    const socket = await this.raw(packet)
    await Promise.race([once(socket, 'data'), once(socket, 'close')])
    return socket
  }

  /** What comes back first for packets from an address of this machine; undefined if nothing does. */
  async answerTo(packet: Buffer, address: string): Promise<Buffer | undefined> {
    const socket = await this.#dial(this.port, [packet], address)
    const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])])
    socket.destroy()
    return answer
  }

  async clients(count: number, prefix: string, ...packets: Buffer[]): Promise<net.Socket[]> {
    const sockets: net.Socket[] = []
    for (let from = 0; from < count; from += 100) {
      const group = Array.from({ length: Math.min(100, count - from) }, (_, i) =>
        this.client(`${prefix}${from + i}`, ...packets),
      )
      sockets.push(...(await Promise.all(group)))
    }
    return sockets
  }

  /** Clients without sockets, all of which send the same: more of them fit into a machine. */
  async sinks(count: number, packets: Buffer): Promise<void> {
    await this.#broker().ask({ name: 'sinks', count, connect: packets.toString('hex') })
  }

  /** They leave. */
  async sinksLeave(): Promise<void> {
    await this.#broker().ask({ name: 'sinks leave' })
  }

  /** Resolves when no clients are connected but a few that watch. */
  async left(): Promise<void> {
    while ((await this.#broker().ask<{ clients: number }>({ name: 'clients' })).clients > WATCHERS) await pause(50)
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

/** Resolves when sockets were given no byte for a while. */
export async function quiet(sockets: readonly net.Socket[], ms = 300): Promise<void> {
  const total = () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  for (let before = -1, now = total(); now !== before; now = total()) {
    before = now
    await new Promise(resolve => setTimeout(resolve, ms))
  }
}
