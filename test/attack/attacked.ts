/** What scenarios share: the broker's process, raw clients that obey nothing, and a healthy pair that is timed. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import { encode } from '../../lib/codec/encode/encoder.js'
import type { BrokerOptions } from '../../types/options.js'
import type { Packet } from '../../types/packets.js'
import type { Measured, Request } from './broker-process.js'

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

  /** A healthy pair with QoS 1, 20 messages a second. @returns stops it, and says what it took, in milliseconds */
  async canary(): Promise<() => Promise<{ p50: number; p99: number; lost: number }>> {
    const subscriber = await this.client('canary-in', subscribePacket(['canary'], 0))
    const publisher = await this.client('canary-out')
    const sent = new Map<number, number>()
    const took: number[] = []
    let kept = Buffer.alloc(0)
    subscriber.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk])
      for (let at = kept.indexOf('#n'); at !== -1 && at + 10 <= kept.length; at = kept.indexOf('#n')) {
        const number = Number(kept.toString('latin1', at + 2, at + 10))
        took.push(performance.now() - sent.get(number)!)
        kept = kept.subarray(at + 10)
      }
    })
    let number = 0
    const timer = setInterval(() => {
      number++
      sent.set(number, performance.now())
      publisher.write(
        publishPacket('canary', Buffer.from(`#n${String(number).padStart(8, '0')}`), 1, (number % 65_000) + 1),
      )
    }, 50)
    return async () => {
      clearInterval(timer)
      await new Promise(resolve => setTimeout(resolve, 500))
      took.sort((one, other) => one - other)
      const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0
      return { p50: at(0.5), p99: at(0.99), lost: number - took.length }
    }
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}

export function connectPacket(clientId: string, more: Partial<Packet> = {}): Buffer {
  return encode({ cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion: 4, ...more } as Packet, 4)
}

export function subscribePacket(topics: readonly string[], qos: 0 | 1 | 2): Buffer {
  return encode({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map(topic => ({ topic, qos })) }, 4)
}

export function publishPacket(
  topic: string,
  payload: Buffer,
  qos: 0 | 1 | 2 = 0,
  messageId?: number,
  retain = false,
): Buffer {
  return encode({ cmd: 'publish', topic, payload, qos, retain, dup: false, messageId } as Packet, 4)
}

/** Resolves when sockets were given no byte for a while. */
export async function quiet(sockets: readonly net.Socket[], ms = 300): Promise<void> {
  const total = () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  for (let before = -1, now = total(); now !== before; now = total()) {
    before = now
    await new Promise(resolve => setTimeout(resolve, ms))
  }
}
