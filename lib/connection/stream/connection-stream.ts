/**
 * The stream of one connection: its settings, its events, its end. The stream belongs to the host, so every listener
 * is taken away again, and no other. Must not know what the bytes mean.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { AnaxError } from '../../errors.js'

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

/** Where a stream has its connection: so the listeners are the same for all streams, and take no memory for each. */
const attached = Symbol('anax:connection')

type AttachedStream = Duplex & { [attached]?: ConnectionStream | undefined }

export class ConnectionStream {
  readonly owner: StreamOwner
  readonly #stream: AttachedStream
  /** Callers of `closed`. */
  #onClosed: (() => void)[] | undefined

  /** Throws ANAX_ERR_ARGUMENT if the stream has a connection already. */
  constructor(stream: Duplex, owner: StreamOwner) {
    this.#stream = stream
    if (this.#stream[attached] !== undefined) {
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'the stream has a connection already' })
    }
    this.owner = owner
    this.#stream[attached] = this
    // the outbox joins packets already: Nagle's algorithm would only delay them
    if (stream instanceof Socket) stream.setNoDelay(true)
    // a client that sends nothing more may still read the answers to what it sent
    if (stream.allowHalfOpen === false) stream.allowHalfOpen = true
    stream.on('data', onData).on('drain', onDrain).on('error', onError).on('end', onEnd).on('close', onClose)
    if (stream.destroyed) queueMicrotask(() => this.detach())
  }

  /**
   * Writes what was handed to it, and ends it. What still comes is ignored.
   * @param then whether it is closed at once, or when the other end has closed it as well: somebody else has to close it
   * if that takes too long
   */
  end(then: 'close' | 'wait'): void {
    if (this.#stream.destroyed) {
      this.destroy()
      return
    }
    if (then === 'wait') this.#stream.end()
    else this.#stream.end(() => this.destroy())
    // a stream emits 'end' only while it is read
    this.#stream.resume()
  }

  /**
   * Closes it although the other end reads nothing. The system would keep the bytes in its buffers for minutes, and has
   * room for a limited number of all connections together: a TCP connection with unwritten bytes is reset.
   */
  giveUp(): void {
    const stream = this.#stream
    if (isTcp(stream) && stream.writableLength > 0) stream.resetAndDestroy()
    this.destroy()
  }

  /** Not every stream emits 'close' (`emitClose: false`), so `closed` is checked as well. A socket does. */
  destroy(): void {
    this.#stream.destroy()
    if (!(this.#stream instanceof Socket)) setImmediate(() => this.#stream.closed && this.detach())
  }

  /** Resolves when it is closed: everything was written, or given up. */
  async closed(): Promise<void> {
    if (this.#stream.closed) return
    this.#onClosed ??= []
    const waiting = this.#onClosed
    await new Promise<void>(resolve => waiting.push(resolve))
  }

  /** It is closed: tells the owner, and takes the listeners away. May be called twice. */
  detach(): void {
    this.owner.streamClosed()
    for (const resolve of this.#onClosed ?? []) resolve()
    const stream = this.#stream
    stream.off('data', onData).off('drain', onDrain).off('error', onError).off('end', onEnd).off('close', onClose)
    stream[attached] = undefined
  }
}

/** Whether it can be reset: TLS and pipes cannot. */
function isTcp(stream: Duplex): stream is Socket {
  return stream instanceof Socket && !('encrypted' in stream) && stream.remoteAddress !== undefined
}

function onData(this: AttachedStream, chunk: Buffer): void {
  this[attached]!.owner.streamData(chunk)
}

function onDrain(this: AttachedStream): void {
  this[attached]!.owner.streamDrained()
}

function onEnd(this: AttachedStream): void {
  this[attached]!.owner.streamEnded()
}

function onError(this: AttachedStream, error: Error): void {
  this[attached]!.owner.streamFailed(error)
}

function onClose(this: AttachedStream): void {
  this[attached]!.detach()
}
