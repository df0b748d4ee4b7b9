/**
 * One raw connection of the load: connects over any transport, sends CONNECT, subscribes, and passes every packet on.
 * It counts nothing and answers nothing by itself.
 */
import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Transport } from '../../types.js'
import {
  type ConnectOptions,
  connectPacket,
  DISCONNECT,
  type ProtocolVersion,
  type QoS,
  subscribePacket,
} from './packets.js'
import { type PacketSink, Scanner } from './scanner.js'
import { Unwrapper, UPGRADE, wrap } from './web-socket.js'

export interface Target {
  port: number
  transport: Transport
  /**
   * The broker's address, for more connections than one address has ports.
   * @default 127.0.0.1
   */
  host?: string
  /**
   * A TLS session of an earlier connection, to resume it.
   * @default none
   */
  session?: Buffer | undefined
}

/** All sockets read into the same memory: a chunk is processed before the next one is read. */
const readBuffer = Buffer.allocUnsafeSlow(262_144)

const noPacket: PacketSink = { packet() {}, chunkEnd() {} }

export class Client implements PacketSink {
  readonly #connect: Buffer
  readonly #transport: Transport
  readonly version: ProtocolVersion
  readonly socket: Socket
  /** Gets all packets except CONNACK and SUBACK. */
  sink: PacketSink = noPacket
  #answered: ((value: number) => void) | undefined
  #failed: ((error: Error) => void) | undefined

  private constructor(target: Target, options: ConnectOptions) {
    this.#transport = target.transport
    this.version = options.version
    this.#connect = connectPacket(options)
    this.socket = this.#open(target)
    this.socket.setNoDelay(true)
    this.socket.on('error', error => this.#failed?.(error))
    this.socket.on('close', () => this.#failed?.(new Error('the broker closed the connection')))
  }

  /**
   * Resolves after CONNACK; rejects if it refuses.
   * @param prepare gets the client before any packet, for a receiver that must not miss messages of a resumed session
   */
  static async open(target: Target, options: ConnectOptions, prepare?: (client: Client) => void): Promise<Client> {
    const client = new Client(target, options)
    prepare?.(client)
    const code = await client.#answer()
    if (code !== 0) throw new Error(`CONNACK ${code}`)
    return client
  }

  #open({ port, transport, host = '127.0.0.1', session }: Target): Socket {
    const scanner = new Scanner(this)
    const push = (chunk: Buffer) => scanner.push(chunk)
    if (transport === 'tls') {
      const options = { port, host, rejectUnauthorized: false, ...(session && { session }) }
      return connectTls(options, () => this.write(this.#connect)).on('data', push)
    }
    const unwrapper = new Unwrapper(() => this.write(this.#connect), push)
    const receive = transport === 'ws' ? (chunk: Buffer) => unwrapper.push(chunk) : push
    const callback = (length: number) => {
      receive(readBuffer.subarray(0, length))
      return true
    }
    const options: NetConnectOpts = { port, host, onread: { buffer: readBuffer, callback } }
    return connectTcp(options, () => (transport === 'ws' ? this.socket.write(UPGRADE) : this.write(this.#connect)))
  }

  packet(first: number, bytes: Buffer, body: number, end: number): void {
    const type = first >> 4
    if (type === 2 || type === 9) this.#answered?.(type === 2 ? bytes[body + 1]! : bytes[end - 1]!)
    else this.sink.packet(first, bytes, body, end)
  }

  chunkEnd(): void {
    this.sink.chunkEnd()
  }

  #answer(): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      this.#answered = resolve
      this.#failed = reject
    })
  }

  /** Converts `bytes` to what this transport sends. */
  frame(bytes: Buffer): Buffer {
    return this.#transport === 'ws' ? wrap(bytes) : bytes
  }

  write(bytes: Buffer): void {
    this.socket.write(this.frame(bytes))
  }

  /** Resolves after SUBACK; rejects if it refuses the last of the filters. */
  async subscribe(filters: readonly string[], qos: QoS): Promise<void> {
    const answer = this.#answer()
    this.write(subscribePacket(1, filters, qos, this.version))
    const code = await answer
    if (code >= 0x80) throw new Error(`SUBACK ${code}`)
  }

  /** Sends DISCONNECT; resolves when the connection is closed, in whatever way. */
  leave(): Promise<void> {
    this.#failed = undefined
    return new Promise(resolve => {
      this.socket.once('close', () => resolve())
      this.socket.end(this.frame(DISCONNECT))
    })
  }

  /** Breaks the connection without DISCONNECT. */
  destroy(): void {
    this.#failed = undefined
    this.socket.destroy()
  }
}

/**
 * Opens many connections, some at a time, in order. Mosquitto lets 100 wait to be accepted; a refused connection is
 * retried after a second.
 */
export async function openMany<T>(count: number, open: (index: number) => Promise<T>, atOnce = 80): Promise<T[]> {
  const opened: T[] = []
  while (opened.length < count) {
    const batch = Math.min(atOnce, count - opened.length)
    const start = opened.length
    opened.push(...(await Promise.all(Array.from({ length: batch }, (_, i) => open(start + i)))))
  }
  return opened
}
