/**
 * Flushes the outboxes that have new frames, in the order in which they got them. Owns how many of them write in one turn
 * of the event loop. While other work waits, these are few: the others collect the frames of several messages, and write
 * them at once. Must not know frames.
 */

import { Fifo } from '../../util/collections/fifo.js'
import { Cost, Fairness } from '../../util/scheduling/fairness.js'

/** Parts of a turn for writes: while other work waits, and otherwise. */
const PART = 1 / 8
const LARGE_PART = 1 / 2

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
  readonly #waiting = new Fifo<Flushable>()
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
    if (this.#waiting.length >= MAX_WAITING) this.#fairness.spend(Cost.write)
    this.#waiting.push(outbox)
    this.#fairness.wake()
  }

  readonly #flush = (): void => {
    if (this.#waiting.length === 0) return
    if (!this.isAllowed) {
      this.#askAgain()
      return
    }
    const part = this.#fairness.waiting > 0 ? PART : LARGE_PART
    // what is added meanwhile is for the next turn
    for (let left = this.#waiting.length; left > 0; left--) {
      const isPaid = left > MAX_WAITING
      if (!isPaid && !this.#fairness.hasLeft(1 - part)) break
      this.#waiting.shift().flush()
      if (!isPaid) this.#fairness.spend(Cost.write)
    }
    if (this.#waiting.length > 0) this.#fairness.wake()
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
