/**
 * Collects the frames for one stream, and writes them once per turn of the event loop: the outboxes of all connections
 * together, and all frames of a connection in one write where possible. Must not know sessions or packets.
 */
import type { Duplex } from 'node:stream'
import type { Frame } from '../codec/wire/frame.js'
import { joinFrames } from '../codec/wire/join-frames.js'

/** Above this an outbox is flushed before the end of the turn. */
const FLUSH_AT_BYTES = 256 * 1024

/** Above this no more is read from a client that does not read: the answers to its own packets may be what waits. */
const OVERFULL_BYTES = 256 * 1024

/** How long frames wait before it is asked again whether they may be written. */
const WAIT_MS = 50

/** Flushes the outboxes that got frames in this turn. One per broker. */
export class Flusher {
  readonly #mayWrite: (() => boolean) | undefined
  #dirty: Outbox[] = []
  #scheduled = false

  /** @param mayWrite asked once per turn, where a broker may lose the right to write: nothing is written until it says so */
  constructor(mayWrite?: () => boolean) {
    this.#mayWrite = mayWrite
  }

  add(outbox: Outbox): void {
    this.#dirty.push(outbox)
    if (this.#scheduled) return
    this.#scheduled = true
    // a microtask per connection was 1.3 to 1.7 times as expensive: it does not collect the frames of a whole turn
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    if (this.#mayWrite?.() === false) {
      setTimeout(this.#flush, WAIT_MS).unref()
      return
    }
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
  /** The packet id for each frame's hole, in the same order. */
  #packetIds: number[] = []
  #bytes = 0
  #dirty = false
  #blocked = false
  #discarding = false

  /** @param onBlocked called when the stream is full */
  constructor(stream: Duplex, flusher: Flusher, onBlocked: () => void) {
    this.#stream = stream
    this.#flusher = flusher
    this.#onBlocked = onBlocked
  }

  /** Whether the stream is full: nothing is written until it emits 'drain'. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Whether what is added is written: nobody waits for the stream, and somebody may read it. */
  get ready(): boolean {
    return !this.#blocked && !this.#discarding
  }

  /** Bytes that are not handed to the stream yet. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether so much waits that the client cannot be reading. */
  get isOverfull(): boolean {
    return this.#blocked && this.#bytes > OVERFULL_BYTES
  }

  /** @param packetId for the frame's hole, if it has one */
  add(frame: Frame, packetId = 0): void {
    if (this.#discarding) return
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

  /** Writes all frames even if the stream is full: the connection ends. */
  finish(): void {
    this.#blocked = false
    this.flush()
  }

  /** Nobody reads the stream any more: drops what is there and what comes. */
  discard(): void {
    this.#discarding = true
    this.#blocked = false
    this.#frames = []
    this.#packetIds = []
    this.#bytes = 0
  }

  /** Writes all frames, unless the stream is full. */
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
      // the host's stream threw: only this connection ends
      this.#stream.destroy(error as Error)
      return true
    }
  }
}
