/**
 * Collects the frames for one stream, and writes all of them at once when it is flushed, in one write where possible.
 * Must not know sessions or packets.
 */
import type { Duplex } from 'node:stream'
import type { Packet } from '../../../types/packets.js'
import { PacketType } from '../../codec/packet-types.js'
import type { Frame } from '../../codec/wire/frame.js'
import { joinFrames } from '../../codec/wire/join-frames.js'
import type { ConnectionTraffic } from '../../model/metering/traffic.js'
import { type ConnectionSource, isFromAfar } from '../connection-source.js'
import type { Flushable, Flusher } from './flusher.js'

/** Above this an outbox is flushed before the end of the turn. */
const FLUSH_AT_BYTES = 256 * 1024

/** From this size on, a packet costs what the system needs to copy it. */
const LARGE_BYTES = 64 * 1024

/** Above this no more is read from a client that does not read: the answers to its own packets may be what waits. */
const OVERFULL_BYTES = 256 * 1024

/**
 * How long messages stay behind CONNACK or SUBACK where the system's buffers are in between: a client that is busy reads
 * all that has come in one chunk. On a machine with eight times more work than processors, 1 ms separated 97 %, and a
 * turn of the event loop 40 %.
 */
const PAUSE_MS = 10

// kept from before a test's runner puts timers of its own in their place
const { setTimeout: startTimer } = globalThis

/** Gets told how the stream takes what is written. */
export interface OutboxOwner {
  readonly traffic: ConnectionTraffic
  /** The stream is full. */
  outboxBlocked(): void
  /** The messages behind an answer have left, and there were so many that the outbox was not ready. */
  outboxHasRoom(): void
}

export class Outbox implements Flushable {
  readonly #stream: Duplex
  readonly #flusher: Flusher
  readonly #owner: OutboxOwner
  /** The pause between CONNACK or SUBACK and the messages behind it: a turn of the event loop, or some milliseconds. */
  readonly #gap: 'turn' | 'pause'
  #frames: Frame[] = []
  /** The packet id for each frame's hole, in the same order. */
  #packetIds: number[] = []
  #bytes = 0
  #dirty = false
  #blocked = false
  #discarding = false
  /**
   * Until when no message may be written, because the client has to read CONNACK or SUBACK first: Infinity while that is
   * not written itself, 0 if there is nothing to read first.
   */
  #gapEnd = 0
  /** The first frame that has to wait for the end of the gap; -1 if there is none. */
  #heldFrom = -1
  /** Gaps that have begun: who waited for the end of an earlier one does nothing. */
  #gaps = 0

  constructor(source: Pick<ConnectionSource, 'stream' | 'request'>, flusher: Flusher, owner: OutboxOwner) {
    this.#stream = source.stream
    this.#gap = isFromAfar(source) ? 'pause' : 'turn'
    this.#flusher = flusher
    this.#owner = owner
  }

  /** Whether the stream is full: nothing is written until it emits 'drain'. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Whether what is added is written: nobody waits for the stream, and somebody may read it. */
  get ready(): boolean {
    return !this.#blocked && !this.#discarding && !this.#holdsMuch()
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
    if (this.#gapEnd !== 0 && this.#heldFrom < 0 && isMessage(frame)) this.#hold()
    this.#frames.push(frame)
    this.#packetIds.push(packetId)
    const { length } = frame
    this.#bytes += length
    if (length >= LARGE_BYTES) this.#flusher.addLarge(length)
    if (this.#blocked) return
    if (this.#bytes >= FLUSH_AT_BYTES && this.#heldFrom < 0) {
      this.flush()
    } else {
      this.#plan()
    }
  }

  /** Has what is here written at the end of the turn. */
  #plan(): void {
    if (this.#dirty || this.#frames.length === 0) return
    this.#dirty = true
    this.#flusher.add(this)
  }

  /**
   * Adds the answer to a packet. Messages behind CONNACK or SUBACK leave a while later than these: a program that awaits
   * one of them, and then listens for messages, would miss those that come in the same chunk.
   */
  addAnswer(frame: Frame, cmd: Packet['cmd']): void {
    const isAwaited = cmd === 'suback' || cmd === 'connack'
    if (isAwaited && this.#heldFrom > 0 && this.#gapEnd === Number.POSITIVE_INFINITY) {
      // it leaves together with the one before
      this.#frames.splice(this.#heldFrom, 0, frame)
      this.#packetIds.splice(this.#heldFrom, 0, 0)
      this.#heldFrom++
      this.#bytes += frame.length
      return
    }
    if (isAwaited) {
      this.#endGap()
      // before it is added: where much is in front of it, it is written at once
      this.#gapEnd = Number.POSITIVE_INFINITY
    }
    this.add(frame)
  }

  /** The stream can take more. */
  drained(): void {
    this.#blocked = false
    this.flush()
  }

  /**
   * Writes all frames even if the stream is full: the connection ends. A broker that has lost the right to write says
   * that it disconnects, and nothing else.
   */
  finish(): void {
    this.#blocked = false
    this.#forgetGap()
    if (!this.#flusher.isAllowed) this.#keepDisconnect()
    this.#flush()
  }

  #keepDisconnect(): void {
    const goodbye = this.#frames.filter(frame => typeOf(frame) === PacketType.DISCONNECT)
    this.#frames = goodbye
    this.#packetIds = goodbye.map(() => 0)
    this.#bytes = bytesOf(goodbye)
  }

  #forgetGap(): void {
    this.#gaps++
    this.#gapEnd = 0
    this.#heldFrom = -1
  }

  /** Nobody reads the stream any more: drops what is there and what comes. */
  discard(): void {
    this.#discarding = true
    this.#blocked = false
    this.#frames = []
    this.#packetIds = []
    this.#bytes = 0
    this.#forgetGap()
  }

  /** Writes all frames, unless the stream is full, or some have to wait: for the end of the gap, or the right to write. */
  flush(): void {
    this.#dirty = false
    if (this.#flusher.isAllowed) this.#flush()
    else this.#plan()
  }

  #flush(): void {
    if (this.#blocked || this.#frames.length === 0 || this.#heldFrom === 0) return
    const frames = this.#frames
    const packetIds = this.#packetIds
    if (this.#heldFrom > 0) {
      this.#frames = frames.splice(this.#heldFrom)
      this.#packetIds = packetIds.splice(this.#heldFrom)
      this.#heldFrom = 0
      this.#bytes = bytesOf(this.#frames)
    } else {
      this.#frames = []
      this.#packetIds = []
      this.#bytes = 0
    }
    if (this.#gapEnd === Number.POSITIVE_INFINITY) this.#beginGap()
    if (!this.#stream.writable) return
    this.#owner.traffic.sent(frames)
    this.#blocked = !this.#write(joinFrames(frames, packetIds))
    if (this.#blocked) this.#owner.outboxBlocked()
  }

  /** Whether so much waits behind an answer that no more should be added. */
  #holdsMuch(): boolean {
    return this.#heldFrom >= 0 && this.#bytes >= FLUSH_AT_BYTES
  }

  /** A message comes: unless the gap is over, it has to wait, and so has all that comes behind it. */
  #hold(): void {
    if (this.#gapEnd <= performance.now()) {
      this.#gapEnd = 0
      return
    }
    this.#heldFrom = this.#frames.length
    if (this.#gapEnd !== Number.POSITIVE_INFINITY) this.#awaitGap()
  }

  /** The answer is being written. */
  #beginGap(): void {
    if (this.#gap === 'turn') {
      this.#endGap()
      return
    }
    this.#gapEnd = performance.now() + PAUSE_MS
    if (this.#heldFrom === 0) this.#awaitGap()
  }

  #awaitGap(): void {
    const gap = ++this.#gaps
    const end = () => {
      if (gap === this.#gaps) this.#endGap()
    }
    startTimer(end, Math.max(1, this.#gapEnd - performance.now()))
  }

  /** The held messages leave in the next turn, with those that come until then. */
  #endGap(): void {
    const heldMuch = this.#holdsMuch()
    this.#forgetGap()
    this.#plan()
    if (heldMuch) setImmediate(() => this.#owner.outboxHasRoom())
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

function bytesOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0)
}

function isMessage(frame: Frame): boolean {
  return typeOf(frame) === PacketType.PUBLISH
}

function typeOf({ memory, start }: Frame): number {
  return memory[start]! >> 4
}
