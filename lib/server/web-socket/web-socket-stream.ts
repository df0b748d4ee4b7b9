/**
 * A WebSocket as a duplex stream of bytes, with back-pressure in both directions.
 * Knows `ws`, and that MQTT requires binary frames; must not know a broker.
 */
import { Duplex } from 'node:stream'

type Done = (error?: Error | null) => void

/** Up to this size, buffers that are written together are sent in one frame. */
const JOIN_BYTES = 16 * 1024

/** Pings are not answered while this many bytes wait to be written, so that answers cannot pile up. */
const PONG_LIMIT_BYTES = 64 * 1024

const UNSUPPORTED_DATA = 1003

/** `readyState` of an open WebSocket. */
const OPEN = 1

/** The part of a WebSocket of the package `ws` that is used, so that any copy of the package works. */
export interface HostWebSocket {
  readonly protocol: string
  readonly readyState: number
  readonly bufferedAmount: number
  readonly isPaused: boolean
  // biome-ignore lint/suspicious/noExplicitAny: each event of `ws` has its own arguments
  on(event: string, listener: (...args: any[]) => void): unknown
  send(data: Buffer, options: { binary: boolean }, done?: (error?: Error) => void): void
  pong(data: Buffer): void
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  terminate(): void
}

/** Whether `ws` answers pings (its option `autoPong`), or this stream does, up to a limit. */
export interface WebSocketStreamOptions {
  pings: 'answered here' | 'answered by ws'
}

export class WebSocketStream extends Duplex {
  readonly #socket: HostWebSocket

  constructor(socket: HostWebSocket, { pings }: WebSocketStreamOptions = { pings: 'answered here' }) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    socket.on('message', (data: Buffer | Buffer[] | ArrayBuffer, isBinary: boolean) => {
      this.#receive(bytesOf(data), isBinary)
    })
    if (pings === 'answered here') socket.on('ping', (data: Buffer) => this.#answerPing(data))
    socket.on('error', (error: Error) => this.destroy(error))
    socket.on('close', () => this.#end())
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#socket.send(chunk, { binary: true }, done)
  }

  override _writev(writes: { chunk: Buffer }[], done: Done): void {
    const chunks = writes.map(({ chunk }) => chunk)
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const frames = bytes <= JOIN_BYTES ? [Buffer.concat(chunks, bytes)] : chunks
    frames.forEach((frame, index) => {
      this.#socket.send(frame, { binary: true }, index === frames.length - 1 ? done : undefined)
    })
  }

  override _final(done: Done): void {
    this.#socket.close()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // `ws` completes a closing handshake within a time limit, and must be able to read for that.
    if (this.#socket.readyState === OPEN) this.#socket.terminate()
    else this.#socket.resume()
    done(error)
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.destroyed) return
    if (!isBinary) {
      // [MQTT-6.0.0-1]
      this.#socket.close(UNSUPPORTED_DATA, 'MQTT needs binary frames')
      this.destroy(new Error('A WebSocket text frame, where MQTT needs binary ones'))
    } else if (!this.push(data)) {
      this.#socket.pause()
    }
  }

  #answerPing(data: Buffer): void {
    if (this.#socket.readyState === OPEN && this.#socket.bufferedAmount < PONG_LIMIT_BYTES) {
      this.#socket.pong(data)
    }
  }

  #end(): void {
    if (!this.destroyed) this.push(null)
  }
}

/** Converts a message, since the host may have set another `binaryType`. */
function bytesOf(data: Buffer | Buffer[] | ArrayBuffer): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}
