/**
 * What is waiting to be written to one stream, and the flush that writes it: once per turn of the event
 * loop for all connections, everything of a connection joined into one write.
 * Owns the bytes on their way out; must not know sessions or packets.
 */
import type { Duplex } from 'node:stream'
import type { Frame } from '../codec/wire/frame.js'
import { joinFrames } from '../codec/wire/join-frames.js'

/** Above this an outbox does not wait for the end of the turn. */
const FLUSH_AT_BYTES = 256 * 1024

/** Above this a client that does not read is not listened to either: its own packets call forth what waits here. */
const OVERFULL_BYTES = 256 * 1024

/** Writes all outboxes that got something in this turn. One per broker. */
export class Flusher {
  #dirty: Outbox[] = []
  #scheduled = false

  add(outbox: Outbox): void {
    this.#dirty.push(outbox)
    if (this.#scheduled) return
    this.#scheduled = true
    // a microtask per connection would cost 1.3 to 1.7 times as much: it cannot batch across sockets
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const dirty = this.#dirty
    this.#dirty = []
    for (const outbox of dirty) outbox.flush()
  }
}

export class Outbox {
  readonly #stream: Duplex
  readonly #flusher: Flusher
  readonly #onBlocked: () => void
  #frames: Frame[] = []
  /** Packet ids for the holes of the frames, in the same order. */
  #packetIds: number[] = []
  #bytes = 0
  #dirty = false
  #blocked = false

  /** @param onBlocked told when the stream is full */
  constructor(stream: Duplex, flusher: Flusher, onBlocked: () => void) {
    this.#stream = stream
    this.#flusher = flusher
    this.#onBlocked = onBlocked
  }

  /** Whether the stream asked to wait for its 'drain'. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Bytes that are not handed to the stream yet. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether more waits for the stream than a client that reads would ever leave there. */
  get isOverfull(): boolean {
    return this.#blocked && this.#bytes > OVERFULL_BYTES
  }

  /** @param packetId for the frame's hole, if it has one */
  add(frame: Frame, packetId = 0): void {
    this.#frames.push(frame)
    this.#packetIds.push(packetId)
    this.#bytes += frame.length
    if (this.#blocked) return
    if (this.#bytes >= FLUSH_AT_BYTES) {
      this.flush()
    } else if (!this.#dirty) {
      this.#dirty = true
      this.#flusher.add(this)
    }
  }

  /** The stream can take more. */
  drained(): void {
    this.#blocked = false
    this.flush()
  }

  /** Hands over what is there, whether the stream is full or not: nothing is said after it. */
  finish(): void {
    this.#blocked = false
    this.flush()
  }

  /** Writes what is there, unless the stream is full. */
  flush(): void {
    this.#dirty = false
    if (this.#blocked || this.#frames.length === 0) return
    const frames = this.#frames
    const packetIds = this.#packetIds
    this.#frames = []
    this.#packetIds = []
    this.#bytes = 0
    if (!this.#stream.writable) return
    this.#blocked = !this.#write(joinFrames(frames, packetIds))
    if (this.#blocked) this.#onBlocked()
  }

  /** @returns whether the stream wants more */
  #write(pieces: Buffer[]): boolean {
    try {
      if (pieces.length === 1) return this.#stream.write(pieces[0]!)
      let wantsMore = true
      this.#stream.cork()
      for (const piece of pieces) wantsMore = this.#stream.write(piece)
      this.#stream.uncork()
      return wantsMore
    } catch (error) {
      // the host's stream is broken: that ends this connection, and no other one
      this.#stream.destroy(error as Error)
      return true
    }
  }
}
