/** What scenarios share: the broker's process, and raw clients that obey nothing. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { BrokerOptions } from '../../types/options.js'
import type { Measured, Request } from './broker-process.js'
import { connectPacket } from './packets.js'

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
  readonly port: number
  readonly #webSocketPort: number
  readonly #child: ChildProcess
  readonly #sockets: net.Socket[] = []

  constructor(child: ChildProcess, [port, webSocketPort]: readonly number[]) {
    this.#child = child
    this.port = port!
    this.#webSocketPort = webSocketPort!
  }

  static async start(options: BrokerOptions = {}): Promise<Attacked> {
    const url = new URL('./broker-process.js', import.meta.url)
    const child = fork(url, [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
    const [{ ports }] = (await once(child, 'message')) as [{ ports: number[] }]
    return new Attacked(child, ports)
  }

  async ask<Answer = unknown>(request: Request): Promise<Answer> {
    this.#child.send(request)
    const [answer] = await once(this.#child, 'message')
    return answer as Answer
  }

  async measure(attack: () => Promise<unknown>): Promise<Measured> {
    await this.ask({ name: 'start' })
    await attack()
    return this.ask<Measured>({ name: 'stop' })
  }

  /** A socket that has sent these packets in one go. */
  raw(...packets: Buffer[]): Promise<net.Socket> {
    return this.#dial(this.port, packets)
  }

  /** One that was upgraded, and has sent no frame. */
  async webSocket(): Promise<net.Socket> {
    const socket = await this.#dial(this.#webSocketPort, [UPGRADE])
    await once(socket, 'data')
    return socket
  }

  async #dial(port: number, packets: readonly Buffer[]): Promise<net.Socket> {
    const socket = net.connect(port, '127.0.0.1')
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

  /** Resolves when no clients are connected but a few that watch. */
  async left(): Promise<void> {
    while ((await this.ask<{ clients: number }>({ name: 'clients' })).clients > WATCHERS) await pause(50)
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
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
