/**
 * Reports how long hooks, store and bus take. Takes samples, because reading the clock and a histogram for each message
 * would cost as much as the message. Without a listener, it costs reading one flag. Owns the listeners; must not know
 * what is timed.
 */
import type { Timing, TimingListener } from '../../../types/broker/inspection.js'

/**
 * Chooses which operations of one kind are timed. Each kind has its own sampler, because alternating kinds would
 * distort a shared one.
 */
export class Sampler {
  readonly #timings: Timings
  #left = 1

  constructor(timings: Timings) {
    this.#timings = timings
  }

  /** Whether the current operation is to be timed. Must be called once per operation while there is a listener. */
  get isDue(): boolean {
    if (--this.#left > 0) return false
    this.#left = this.#timings.every
    return true
  }

  /** Makes the next operation be timed. */
  restart(): void {
    this.#left = 1
  }
}

type TimedThing = Partial<Pick<Timing, 'hook' | 'operation'>>

const NOTHING: TimedThing = {}

export class Timings {
  readonly #listeners = new Map<TimingListener, number>()
  readonly #samplers = new Map<string, Sampler>()
  /** The sampler for messages of clients. */
  readonly messages = this.sampler('message')
  /** One of this many operations is timed. */
  every = 1
  /** Whether there is a listener. */
  isOn = false

  /** @param kind the kind of operations */
  sampler(kind: string): Sampler {
    const sampler = this.#samplers.get(kind) ?? new Sampler(this)
    this.#samplers.set(kind, sampler)
    return sampler
  }

  /** @param every one of this many operations is timed; with several listeners, the smallest number counts */
  add(listener: TimingListener, every: number): void {
    this.#listeners.set(listener, every)
    this.#changed()
  }

  delete(listener: TimingListener): void {
    this.#listeners.delete(listener)
    this.#changed()
  }

  /**
   * @param ms the duration in milliseconds
   * @param of the name of the hook, or of the operation of the store
   */
  took(part: Timing['part'], ms: number, { hook, operation }: TimedThing = NOTHING): void {
    const timing = { part, hook, operation, ms }
    for (const listener of this.#listeners.keys()) listener(timing)
  }

  #changed(): void {
    this.isOn = this.#listeners.size > 0
    this.every = Math.min(...this.#listeners.values())
    // the smallest number may have changed
    for (const sampler of this.#samplers.values()) sampler.restart()
  }
}
