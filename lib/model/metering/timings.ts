/**
 * How long hooks, store and bus took, for who wants to know. Samples, because the clock and a histogram would cost as much
 * as the message. Nobody wants to know: one flag is read. Owns who is told; must not know what is timed.
 */
import type { Timing, TimingListener } from '../../../types/inspection.js'

/** Chooses which of many things of one kind are timed. Each kind has its own: kinds that alternate would share the turns. */
export class Sampler {
  readonly #timings: Timings
  #left = 1

  constructor(timings: Timings) {
    this.#timings = timings
  }

  /** Whether this one is to be timed. */
  get isDue(): boolean {
    const { isOn, every } = this.#timings
    if (!isOn) return false
    // somebody may want more of them than before
    this.#left = Math.min(this.#left, every) - 1
    if (this.#left > 0) return false
    this.#left = every
    return true
  }
}

type TimedThing = Partial<Pick<Timing, 'hook' | 'operation'>>

const NOTHING: TimedThing = {}

export class Timings {
  readonly #listeners = new Map<TimingListener, number>()
  /** Of clients' messages. */
  readonly messages = new Sampler(this)
  /** One of so many is timed. */
  every = 1
  /** Whether anybody wants to know. */
  isOn = false

  /** @param every one of so many is timed; with several listeners, the smallest counts */
  add(listener: TimingListener, every: number): void {
    this.#listeners.set(listener, every)
    this.#changed()
  }

  delete(listener: TimingListener): void {
    this.#listeners.delete(listener)
    this.#changed()
  }

  /**
   * @param ms how long it took
   * @param of which hook, or which operation of the store
   */
  took(part: Timing['part'], ms: number, { hook, operation }: TimedThing = NOTHING): void {
    const timing = { part, hook, operation, ms }
    for (const listener of this.#listeners.keys()) listener(timing)
  }

  #changed(): void {
    this.isOn = this.#listeners.size > 0
    this.every = Math.min(...this.#listeners.values())
  }
}
