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

  /** Whether this one is to be timed. To be asked where somebody wants to know, once for each. */
  get isDue(): boolean {
    if (--this.#left > 0) return false
    this.#left = this.#timings.every
    return true
  }

  /** The next one is timed. */
  restart(): void {
    this.#left = 1
  }
}

type TimedThing = Partial<Pick<Timing, 'hook' | 'operation'>>

const NOTHING: TimedThing = {}

export class Timings {
  readonly #listeners = new Map<TimingListener, number>()
  readonly #samplers = new Map<string, Sampler>()
  /** Of clients' messages. */
  readonly messages = this.sampler('message')
  /** One of so many is timed. */
  every = 1
  /** Whether anybody wants to know. */
  isOn = false

  /** @param kind what it chooses from */
  sampler(kind: string): Sampler {
    const sampler = this.#samplers.get(kind) ?? new Sampler(this)
    this.#samplers.set(kind, sampler)
    return sampler
  }

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
    // somebody may want more of them than before
    for (const sampler of this.#samplers.values()) sampler.restart()
  }
}
