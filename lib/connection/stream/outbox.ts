/**
 * Collects the frames for one stream, and writes all of them at once when it is flushed, in one write where possible.
 * Must not know sessions or packets.
 */
import type { Duplex } from 'node:stream'
import type { Packet } from '../../../types/message/packets.js'
import { PacketType } from '../../codec/packet-types.js'
import type { Frame } from '../../codec/wire/frame.js'
import { joinFrames } from '../../codec/wire/join-frames.js'
import type { ConnectionTraffic } from '../../model/metering/traffic.js'
import { setImmediate } from '../../util/scheduling/set-immediate.js'
import { type ConnectionSource, isFromAfar } from '../connection-source.js'
import { AnswerGap, type GapOwner } from './answer-gap.js'
import type { Flushable, Flusher } from './flusher.js'

/** Beyond this an outbox is flushed before the end of the turn. */
const FLUSH_AT_BYTES = 256 * 1024

/** From this size on, a packet is charged for being copied by the operating system. */
const LARGE_BYTES = 64 * 1024

/**
 * Beyond this nothing more is read from a client that does not read, because the waiting bytes may be answers to its
 * own packets.
 */
const OVERFULL_BYTES = 256 * 1024

/** Shared by outboxes without frames, which most are most of the time. Never modified. */
const NO_FRAMES: Frame[] = []
const NO_PACKET_IDS: number[] = []

/** The receiver of notifications about the stream. */
export interface OutboxOwner {
  readonly traffic: ConnectionTraffic
  /** The stream is full. */
  outboxBlocked(): void
  /** The outbox is ready again: so many messages waited for an answer that it was not. */
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
  /** The gap after CONNACK or SUBACK, which the client has to read before the next message. */
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

  /** Whether added frames are written soon: the stream is not full, and not closed. */
  get ready(): boolean {
    return !this.#blocked && !this.#discarding && !this.#holdsMuch()
  }

  /** Bytes that were not written to the stream yet. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether so much is waiting that the client cannot be reading. */
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

  /** Schedules a flush at the end of the turn. */
  #plan(): void {
    if (this.#isPlanned || this.#frames.length === 0) return
    this.#isPlanned = true
    this.#flusher.add(this)
  }

  /**
   * Adds the answer to a packet. Messages after CONNACK or SUBACK are written a little later: see {@link AnswerGap}.
   */
  addAnswer(frame: Frame, cmd: Packet['cmd']): void {
    const isAwaited = cmd === 'suback' || cmd === 'connack'
    if (isAwaited && this.#heldFrom > 0 && this.#gap?.hasBegun === false) {
      // it is written together with the previous one
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

  /** Called when the stream accepts more data. */
  drained(): void {
    this.#blocked = false
    this.#flushIfAllowed()
  }

  /**
   * Writes all frames even if the stream is full, because the connection ends. A broker that has lost the right to
   * write sends only DISCONNECT.
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

  /** Drops all frames, present and future, because nobody reads the stream any more. */
  discard(): void {
    this.#discarding = true
    this.#blocked = false
    this.#empty()
    this.#forgetGap()
  }

  /**
   * Writes all frames, unless the stream is full, or frames have to wait for the end of the gap or for the right to
   * write.
   */
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

  /** Whether so much waits for the end of the gap that no more should be added. */
  #holdsMuch(): boolean {
    return this.#heldFrom >= 0 && this.#bytes >= FLUSH_AT_BYTES
  }

  /** Holds a message back unless the gap is over, and everything after it. */
  #hold(gap: AnswerGap): void {
    if (gap.isOver) {
      this.#gap = undefined
      return
    }
    this.#heldFrom = this.#frames.length
    if (gap.hasBegun) gap.wait(this)
  }

  /** Begins the gap: the answer is being written. */
  #beginGap(gap: AnswerGap): void {
    gap.begin(this, this.#isFromAfar)
    if (this.#heldFrom === 0) gap.wait(this)
  }

  gapEnded(gap: AnswerGap): void {
    if (gap === this.#gap) this.#endGap()
  }

  /** Ends the gap: held messages are written in the next turn, with those that are added until then. */
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
      // the host's stream threw, which ends only this connection
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
