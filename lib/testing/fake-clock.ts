/**
 * A clock for tests: time stands still until `advance` is called.
 * Owns the timers that were set on it; knows nothing of a broker.
 */
import type { Clock } from '../../types/clock.js'

interface Timer {
  dueAt: number
  callback: () => void
}

/** A {@link Clock} for tests, passed as the broker's option `clock`. */
export class FakeClock implements Clock {
  /** The value of {@link Clock.monotonic}. */
  #now = 0
  /** The difference of wall time to that. */
  #offset: number
  readonly #timers = new Set<Timer>()

  /** @param now where it starts, in milliseconds since the epoch */
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
    // At least a millisecond, as in Node.js: a timer that sets itself anew cannot stop the clock.
    const timer: Timer = { dueAt: this.#now + Math.max(1, delayMs), callback }
    this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  /**
   * Lets time pass: runs each timer when its time has come, in order, and lets what it began
   * (promises, writes) settle before the next.
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

  /** The earliest timer that is due by then; of equal ones, the one set first. */
  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer
    }
    return next
  }
}

/** Rounds of the event loop that a chain of promises and in-memory streams is given. */
const ROUNDS = 5

async function settle(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) await new Promise<void>(resolve => setImmediate(resolve))
}
