/**
 * A clock for tests: time stands still until `advance` is called. Owns the timers that were set on it; knows no broker.
 */
import timers from 'node:timers'
import type { Clock } from '../../types/clock.js'

// that of Node.js itself: fake timers of test runners replace the global one
const { setImmediate } = timers

interface Timer {
  dueAt: number
  callback: () => void
}

/** A {@link Clock} for tests, passed as the broker's option `clock`. */
export class FakeClock implements Clock {
  /** The value of {@link Clock.monotonic}. */
  #now = 0
  /** The difference between wall time and monotonic time. */
  #offset: number
  readonly #timers = new Set<Timer>()

  /** @param now the start time, in milliseconds since the epoch */
  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#offset = now
  }

  /** Timers that are set and not yet due. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now + this.#offset
  }

  monotonic(): number {
    return this.#now
  }

  /** Sets the wall clock, as an operator or NTP does: no time passes, and no timer is moved. */
  setWallTime(now: number): void {
    this.#offset = now - this.#now
  }

  setTimeout(callback: () => void, delayMs: number): unknown {
    // At least a millisecond, as in Node.js, so that a timer that reschedules itself cannot stop the clock.
    const timer: Timer = { dueAt: this.#now + Math.max(1, delayMs), callback }
    this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  /**
   * Advances the time: runs each due timer in order, and waits until the work that it began (promises, writes) has
   * settled before the next one.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let timer = this.#nextUntil(end); timer !== undefined; timer = this.#nextUntil(end)) {
      this.#timers.delete(timer)
      this.#now = timer.dueAt
      timer.callback()
      await settle()
    }
    this.#now = end
  }

  /** The earliest timer that is due by then; of several with the same time, the one that was set first. */
  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer
    }
    return next
  }
}

/** Rounds of the event loop in which chains of promises and in-memory streams can settle. */
const ROUNDS = 5

async function settle(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) await new Promise<void>(resolve => setImmediate(resolve))
}
