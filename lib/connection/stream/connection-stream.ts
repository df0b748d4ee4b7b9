/**
 * The stream of one connection: its settings, its events, its end. The stream belongs to the host, so the broker
 * removes all of its own listeners at the end, and no others. Must not know what the bytes mean.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { AnaxError } from '../../errors.js'
import { setImmediate } from '../../util/scheduling/set-immediate.js'

/** The receiver of the stream's events. */
export interface StreamOwner {
  streamData(chunk: Buffer): void
  streamDrained(): void
  /** The stream's input has ended. */
  streamEnded(): void
  streamFailed(error: Error): void
  /** The stream is closed in both directions. May be called twice. */
  streamClosed(): void
}

/**
 * The property in which a stream refers to its connection. It allows all streams to share their listeners, which saves
 * memory.
 */
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
    // a client that has ended its side may still read answers
    if (stream.allowHalfOpen === false) stream.allowHalfOpen = true
    stream.on('data', onData).on('drain', onDrain).on('error', onError).on('end', onEnd).on('close', onClose)
    if (stream.destroyed) queueMicrotask(() => this.detach())
  }

  /**
   * Writes the remaining data, and ends the stream. Further input is ignored.
   * @param then whether the stream is closed immediately, or when the peer has closed its side; the caller must close
   * it if that takes too long
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

  /** Resolves when the stream is closed: everything was written or discarded. */
  async closed(): Promise<void> {
    if (this.#stream.closed) return
    this.#onClosed ??= []
    const waiting = this.#onClosed
    await new Promise<void>(resolve => waiting.push(resolve))
  }

  /** Called when the stream is closed: notifies the owner, and removes the listeners. May be called twice. */
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
