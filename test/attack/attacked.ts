/** What scenarios share: the broker's process, and raw clients that obey nothing. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import type { BrokerOptions } from '../../types/options.js'
import type { Measured, Request } from './broker-process.js'
import { connectPacket } from './packets.js'

export class Attacked {
  readonly port: number
  readonly #child: ChildProcess
  readonly #sockets: net.Socket[] = []

  constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(options: BrokerOptions = {}): Promise<Attacked> {
    const url = new URL('./broker-process.js', import.meta.url)
    const child = fork(url, [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Attacked(child, port)
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
  async raw(...packets: Buffer[]): Promise<net.Socket> {
    const socket = net.connect(this.port, '127.0.0.1')
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
