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
import { AnswerGap, type GapOwner } from './answer-gap.js'
import type { Flushable, Flusher } from './flusher.js'

/** Above this an outbox is flushed before the end of the turn. */
const FLUSH_AT_BYTES = 256 * 1024

/** From this size on, a packet costs what the system needs to copy it. */
const LARGE_BYTES = 64 * 1024

/** Above this no more is read from a client that does not read: the answers to its own packets may be what waits. */
const OVERFULL_BYTES = 256 * 1024

/** What an outbox without frames has: most of them have none most of the time. Nothing is ever added to these. */
const NO_FRAMES: Frame[] = []
const NO_PACKET_IDS: number[] = []

/** Gets told how the stream takes what is written. */
export interface OutboxOwner {
  readonly traffic: ConnectionTraffic
  /** The stream is full. */
  outboxBlocked(): void
  /** The messages behind an answer have left, and there were so many that the outbox was not ready. */
  outboxHasRoom(): void
}

export class Outbox implements Flushable, GapOwner {
  readonly #stream: Duplex
  readonly #flusher: Flusher
  readonly #owner: OutboxOwner
  readonly #isFromAfar: boolean
  #frames = NO_FRAMES
  /** The packet id for each frame's hole, in the same order. */
  #packetIds = NO_PACKET_IDS
  #bytes = 0
  #isPlanned = false
  #blocked = false
  #discarding = false
  /** What the client has to read before the next message: CONNACK or SUBACK. */
  #gap: AnswerGap | undefined
  /** The first frame that has to wait for the end of the gap; -1 if there is none. */
  #heldFrom = -1

  constructor(source: Pick<ConnectionSource, 'stream' | 'request'>, flusher: Flusher, owner: OutboxOwner) {
    this.#stream = source.stream
    this.#isFromAfar = isFromAfar(source.stream, source.request)
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
    if (this.#gap !== undefined && this.#heldFrom < 0 && isMessage(frame)) this.#hold(this.#gap)
    if (this.#frames === NO_FRAMES) {
      this.#frames = [frame]
      this.#packetIds = [packetId]
    } else {
      this.#frames.push(frame)
      this.#packetIds.push(packetId)
    }
    const { length } = frame
    this.#bytes += length
    if (length >= LARGE_BYTES) this.#flusher.addLarge(length)
    if (this.#blocked) return
    if (this.#bytes >= FLUSH_AT_BYTES && this.#gap === undefined) this.#flushIfAllowed()
    else this.#plan()
  }

  /** Has what is here written at the end of the turn. */
  #plan(): void {
    if (this.#isPlanned || this.#frames.length === 0) return
    this.#isPlanned = true
    this.#flusher.add(this)
  }

  /** Adds the answer to a packet. Messages behind CONNACK or SUBACK leave a while later than these: see {@link AnswerGap}. */
  addAnswer(frame: Frame, cmd: Packet['cmd']): void {
    const isAwaited = cmd === 'suback' || cmd === 'connack'
    if (isAwaited && this.#heldFrom > 0 && this.#gap?.hasBegun === false) {
      // it leaves together with the one before
      this.#frames.splice(this.#heldFrom, 0, frame)
      this.#packetIds.splice(this.#heldFrom, 0, 0)
      this.#heldFrom++
      this.#bytes += frame.length
      return
    }
    if (isAwaited) {
      this.#endGap()
      this.#gap = new AnswerGap()
    }
    this.add(frame)
  }

  /** The stream can take more. */
  drained(): void {
    this.#blocked = false
    this.#flushIfAllowed()
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
    this.#gap = undefined
    this.#heldFrom = -1
  }

  #empty(): void {
    this.#frames = NO_FRAMES
    this.#packetIds = NO_PACKET_IDS
    this.#bytes = 0
  }

  /** Nobody reads the stream any more: drops what is there and what comes. */
  discard(): void {
    this.#discarding = true
    this.#blocked = false
    this.#empty()
    this.#forgetGap()
  }

  /** Writes all frames, unless the stream is full, or some have to wait: for the end of the gap, or the right to write. */
  flush(): void {
    this.#isPlanned = false
    this.#flushIfAllowed()
  }

  #flushIfAllowed(): void {
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
    } else this.#empty()
    if (this.#gap?.hasBegun === false) this.#beginGap(this.#gap)
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
  #hold(gap: AnswerGap): void {
    if (gap.isOver) {
      this.#gap = undefined
      return
    }
    this.#heldFrom = this.#frames.length
    if (gap.hasBegun) gap.wait(this)
  }

  /** The answer is being written. */
  #beginGap(gap: AnswerGap): void {
    gap.begin(this, this.#isFromAfar)
    if (this.#heldFrom === 0) gap.wait(this)
  }

  gapEnded(gap: AnswerGap): void {
    if (gap === this.#gap) this.#endGap()
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
