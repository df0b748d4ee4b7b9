/**
 * A token bucket, and the line of those who wait for it. Owns how much may pass and in which order; must not know what
 * passes. Whoever passes pays afterwards, so a bucket may be in debt, and nobody has to fit into it.
 */
import { Timer, type Timers } from './timers.js'

/** A waiter for a bucket. */
export interface Waiter {
  /** It may pass again. It pays for what it does at once, and waits again where it has to. */
  passes(): void
}

export class RateBucket {
  readonly #perSecond: number
  readonly #timers: Timers
  readonly #timer = new Timer(() => this.#serve())
  #tokens: number
  #at: number
  /** Nobody passes below this. It is higher while one of several is served. */
  #floor = 1
  #isServing = false
  /** In the order in which they came. */
  #line: Waiter[] = []

  /** @param perSecond how much may pass in a second; as much may pass at once after a pause */
  constructor(perSecond: number, timers: Timers) {
    this.#perSecond = perSecond
    this.#timers = timers
    this.#tokens = this.#capacity
    this.#at = timers.now()
  }

  /** Whether it is as one that was never used. */
  get isFull(): boolean {
    this.#refill()
    return this.#tokens === this.#capacity && this.#line.length === 0
  }

  /** Whether whoever wants to pass has to wait: nothing is left, or others came before. */
  get isClosed(): boolean {
    if (this.#tokens < this.#floor) this.#refill()
    return this.#tokens < this.#floor || (this.#line.length > 0 && !this.#isServing)
  }

  pay(amount: number): void {
    this.#tokens -= amount
  }

  /** Whether one may pass now and pays: never into debt. */
  take(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Gives back what was taken. */
  giveBack(): void {
    this.#tokens++
  }

  wait(waiter: Waiter): void {
    this.#line.push(waiter)
    if (!this.#isServing && this.#line.length === 1) this.#wake()
  }

  /** The waiter has ended. */
  leave(waiter: Waiter): void {
    this.#line = this.#line.filter(each => each !== waiter)
    if (this.#line.length === 0) this.#timers.cancel(this.#timer)
  }

  get #capacity(): number {
    return Math.max(1, this.#perSecond)
  }

  #refill(): void {
    const now = this.#timers.now()
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
  }

  #wake(): void {
    const missing = Math.max(0, 1 - this.#tokens)
    this.#timers.schedule(this.#timer, (missing / this.#perSecond) * 1000 + 1)
  }

  /** Lets all in line pass, each with an equal share, so that those who want much do not take it from the others. */
  #serve(): void {
    this.#refill()
    const line = this.#line
    this.#line = []
    this.#isServing = true
    let served = 0
    for (; served < line.length && this.#tokens >= 1; served++) {
      const share = Math.max(1, this.#tokens / (line.length - served))
      this.#floor = 1 + this.#tokens - share
      line[served]!.passes()
    }
    this.#floor = 1
    this.#isServing = false
    if (served < line.length) this.#line = [...line.slice(served), ...this.#line]
    if (this.#line.length > 0) this.#wake()
  }
}
