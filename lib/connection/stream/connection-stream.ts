/**
 * The stream of one connection: its settings, its events, its end. The stream belongs to the host, so every listener
 * is taken away again, and no other. Must not know what the bytes mean.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The receiver of the stream's events. */
export interface StreamOwner {
  streamData(chunk: Buffer): void
  streamDrained(): void
  /** The other side sends nothing more. */
  streamEnded(): void
  streamFailed(error: Error): void
  /** Nothing comes and nothing can be written any more. May be called twice. */
  streamClosed(): void
}

export class ConnectionStream {
  readonly #stream: Duplex
  readonly #owner: StreamOwner
  /** Callers of `closed`. */
  #onClosed: (() => void)[] | undefined

  constructor(stream: Duplex, owner: StreamOwner) {
    this.#stream = stream
    this.#owner = owner
    // the outbox joins packets already: Nagle's algorithm would only delay them
    if (stream instanceof Socket) stream.setNoDelay(true)
    // a client that sends nothing more may still read the answers to what it sent
    if (stream.allowHalfOpen === false) stream.allowHalfOpen = true
    stream.on('data', this.#onData)
    stream.on('drain', this.#onDrain)
    stream.on('error', this.#onError)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onClose)
    if (stream.destroyed) queueMicrotask(this.#onClose)
  }

  /** Writes what was handed to it, ends it, and closes it. What still comes is ignored. */
  end(): void {
    if (this.#stream.destroyed) {
      this.destroy()
      return
    }
    this.#stream.end(() => this.destroy())
    // a stream emits 'end' only while it is read
    this.#stream.resume()
  }

  /** Not every stream emits 'close' (`emitClose: false`), so `closed` is checked as well. */
  destroy(): void {
    this.#stream.destroy()
    setImmediate(() => this.#stream.closed && this.#onClose())
  }

  /** Resolves when it is closed: everything was written, or given up. */
  async closed(): Promise<void> {
    if (this.#stream.closed) return
    this.#onClosed ??= []
    const waiting = this.#onClosed
    await new Promise<void>(resolve => waiting.push(resolve))
  }

  readonly #onData = (chunk: Buffer): void => this.#owner.streamData(chunk)
  readonly #onDrain = (): void => this.#owner.streamDrained()
  readonly #onEnd = (): void => this.#owner.streamEnded()
  readonly #onError = (error: Error): void => this.#owner.streamFailed(error)

  readonly #onClose = (): void => {
    this.#owner.streamClosed()
    for (const resolve of this.#onClosed ?? []) resolve()
    const stream = this.#stream
    stream.off('data', this.#onData).off('drain', this.#onDrain).off('error', this.#onError)
    stream.off('end', this.#onEnd).off('close', this.#onClose)
  }
}
