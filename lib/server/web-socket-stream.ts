/**
 * A WebSocket as a duplex stream of bytes: frames in, frames out, back-pressure both ways.
 * Knows `ws` and that MQTT wants binary frames; knows no broker.
 */
import { Duplex } from 'node:stream'
import { WebSocket } from 'ws'

type Done = (error?: Error | null) => void

/** Up to this size, what is written at once leaves in one frame. */
const JOIN_BYTES = 16 * 1024

/** Pings are not answered while this much is waiting to be written, so that nobody can pile up answers. */
const PONG_LIMIT_BYTES = 64 * 1024

const UNSUPPORTED_DATA = 1003

export class WebSocketStream extends Duplex {
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary))
    socket.on('ping', data => this.#answerPing(data))
    socket.on('error', error => this.destroy(error))
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
    // A closing handshake that has begun is left to `ws`, which bounds its time; it must be able to read for it.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.terminate()
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
    if (this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < PONG_LIMIT_BYTES) {
      this.#socket.pong(data)
    }
  }

  #end(): void {
    if (!this.destroyed) this.push(null)
  }
}
