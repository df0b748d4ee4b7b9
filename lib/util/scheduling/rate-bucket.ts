/**
 * A token bucket with a queue of waiters. Owns how much may pass and in which order; must not know what passes. Tokens
 * are taken after passing, so that a bucket may be in debt, and nothing is too large for it.
 */
import { Timer, type Timers } from './timers.js'

/** A waiter for a bucket. */
export interface Waiter {
  /** Called when it may pass again. It takes its tokens immediately, and waits again if necessary. */
  passes(): void
}

export class RateBucket {
  readonly #perSecond: number
  readonly #timers: Timers
  readonly #timer = new Timer(() => this.#serve())
  #tokens: number
  #at: number
  /** The number of tokens needed to pass. Raised while one of several waiters is served. */
  #floor = 1
  #isServing = false
  /** In the order of arrival. */
  #line: Waiter[] = []

  /** @param perSecond tokens per second, which is also the size of the bucket */
  constructor(perSecond: number, timers: Timers) {
    this.#perSecond = perSecond
    this.#timers = timers
    this.#tokens = this.#capacity
    this.#at = timers.now()
  }

  /** Whether it is full, like one that was never used. */
  get isFull(): boolean {
    this.#refill()
    return this.#tokens === this.#capacity && this.#line.length === 0
  }

  /** Whether a caller has to wait: no token is left, or others are waiting. */
  get isClosed(): boolean {
    if (this.#tokens < this.#floor) this.#refill()
    return this.#tokens < this.#floor || (this.#line.length > 0 && !this.#isServing)
  }

  pay(amount: number): void {
    this.#tokens -= amount
  }

  /** Takes a token if there is one: never goes into debt. @returns whether it did */
  take(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Returns a token that was taken. */
  giveBack(): void {
    this.#tokens++
  }

  wait(waiter: Waiter): void {
    this.#line.push(waiter)
    if (!this.#isServing && this.#line.length === 1) this.#wake()
  }

  /** Removes a waiter. */
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

  /** Serves all waiters, each with an equal share, so that large ones do not starve the others. */
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
