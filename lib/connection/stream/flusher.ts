/**
 * Flushes the outboxes that have new frames. Owns their order, and how many of them write in one turn of the event
 * loop. Frames from clients within their share are written first. Frames from work that had to pause are written a few
 * outboxes at a time, so that the other outboxes collect frames of several messages for one write. Must not know
 * frames.
 */

import { Fifo } from '../../util/collections/fifo.js'
import { Cost, Fairness } from '../../util/scheduling/fairness.js'
import { idleTimeout } from '../../util/scheduling/idle-timeout.js'

/** The part of a turn for writes. */
const PART = 1 / 2

/** The part for frames from paused work, while more work waits. */
const LATER_PART = 1 / 8

/**
 * Outboxes that may wait for a later turn. Work that adds more is charged for their writes immediately, so it has to
 * pause.
 */
const MAX_WAITING = 1024

/** Maximum number of bytes that the system buffers for one connection before the client reads anything. */
const SYSTEM_BUFFER_BYTES = 4 * 1024 * 1024

/** Bytes of a large packet for one unit of cost, as a power of two. */
const LARGE_BYTES_PER_UNIT_SHIFT = 10

/** Interval of checks whether the broker may write again. */
const WAIT_MS = 50

export interface Flushable {
  flush(): void
}

/** One per broker. */
export class Flusher {
  readonly #fairness: Fairness
  readonly #mayWrite: (() => boolean) | undefined
  readonly #first = new Fifo<Flushable>()
  /** Outboxes with frames from work that had to pause. */
  readonly #later = new Fifo<Flushable>()
  #asksAgain = false

  /**
   * @param mayWrite called once per turn, for a broker that may lose the right to write; nothing is written while it
   * returns false
   */
  constructor(fairness = new Fairness(), mayWrite?: () => boolean) {
    this.#fairness = fairness
    this.#mayWrite = mayWrite
    // a microtask per connection was 1.3 to 1.7 times as expensive: it does not collect the frames of a whole turn
    fairness.atTurn(this.#flush)
  }

  /** Whether the broker has the right to write now. */
  get isAllowed(): boolean {
    return this.#mayWrite === undefined || this.#mayWrite()
  }

  /** Charges for a large packet: the system copies as much of it as its buffers hold. */
  addLarge(bytes: number): void {
    this.#fairness.spend(Math.min(bytes, SYSTEM_BUFFER_BYTES) >> LARGE_BYTES_PER_UNIT_SHIFT)
  }

  add(outbox: Flushable): void {
    if (this.#waiting >= MAX_WAITING) this.#fairness.spend(Cost.write)
    const line = this.#fairness.isCatchingUp ? this.#later : this.#first
    line.push(outbox)
    this.#fairness.wake()
  }

  get #waiting(): number {
    return this.#first.length + this.#later.length
  }

  readonly #flush = (): void => {
    if (this.#waiting === 0) return
    if (!this.isAllowed) {
      this.#askAgain()
      return
    }
    // the cost of these was charged when they were added
    for (let paid = this.#waiting - MAX_WAITING; paid > 0; paid--) this.#next().flush()
    const fairness = this.#fairness
    const left = this.#flushLine(this.#first, fairness.unitsOf(PART))
    this.#flushLine(this.#later, fairness.waiting > 0 ? fairness.unitsOf(LATER_PART) : left)
    if (this.#waiting > 0) fairness.wake()
  }

  #next(): Flushable {
    return this.#first.length > 0 ? this.#first.shift() : this.#later.shift()
  }

  /** Flushes outboxes of one queue; those added meanwhile wait for the next turn. @returns the remaining units */
  #flushLine(line: Fifo<Flushable>, units: number): number {
    let left = units
    for (let i = line.length; i > 0 && left > 0; i--) {
      line.shift().flush()
      left -= Cost.write
      this.#fairness.spend(Cost.write)
    }
    return left
  }

  #askAgain(): void {
    if (this.#asksAgain) return
    this.#asksAgain = true
    idleTimeout(() => {
      this.#asksAgain = false
      this.#fairness.wake()
    }, WAIT_MS)
  }
}
