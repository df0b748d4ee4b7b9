/**
 * Flushes the outboxes that have new frames. Owns their order, and how many of them write in one turn of the event loop.
 * What comes from a client within its share is written first. What comes from work that had to pause is written a few
 * outboxes at a time: the others collect the frames of several messages, and write them at once. Must not know frames.
 */

import { Fifo } from '../../util/collections/fifo.js'
import { Cost, Fairness } from '../../util/scheduling/fairness.js'

/** The part of a turn for writes. */
const PART = 1 / 2

/** The part for what paused work has added, while work waits. */
const LATER_PART = 1 / 8

/** Outboxes that may wait for a later turn. Whoever adds more pays for their writes at once, and so has to pause. */
const MAX_WAITING = 1024

/** The most bytes that the system takes for one connection before the client reads anything. */
const SYSTEM_BUFFER_BYTES = 4 * 1024 * 1024

/** Bytes of a large packet for one unit of cost, as a power of two. */
const LARGE_BYTES_PER_UNIT_SHIFT = 10

/** How long frames wait before it is asked again whether they may be written. */
const WAIT_MS = 50

export interface Flushable {
  flush(): void
}

/** One per broker. */
export class Flusher {
  readonly #fairness: Fairness
  readonly #mayWrite: (() => boolean) | undefined
  readonly #first = new Fifo<Flushable>()
  /** What work has added that had to pause before. */
  readonly #later = new Fifo<Flushable>()
  #asksAgain = false

  /** @param mayWrite asked once per turn, where a broker may lose the right to write: nothing is written until it says so */
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

  /** A large packet is added: the system copies as much of it as its buffers hold. */
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
    // whoever added these has paid for them
    for (let paid = this.#waiting - MAX_WAITING; paid > 0; paid--) this.#next().flush()
    const fairness = this.#fairness
    const left = this.#flushLine(this.#first, fairness.unitsOf(PART))
    this.#flushLine(this.#later, fairness.waiting > 0 ? fairness.unitsOf(LATER_PART) : left)
    if (this.#waiting > 0) fairness.wake()
  }

  #next(): Flushable {
    return this.#first.length > 0 ? this.#first.shift() : this.#later.shift()
  }

  /** What is added meanwhile is for the next turn. @returns the units that are left */
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
    setTimeout(() => {
      this.#asksAgain = false
      this.#fairness.wake()
    }, WAIT_MS).unref()
  }
}
