/**
 * How long hooks, store and bus took, for who wants to know. Samples, because the clock and a histogram would cost as much
 * as the message. Nobody wants to know: one flag is read. Owns who is told and what is due; must not know what is timed.
 */
import type { Timing, TimingListener } from '../../../types/inspection.js'

export class Timings {
  readonly #listeners = new Map<TimingListener, number>()
  #every = 1
  /** Each has a count of its own: with one for both, hooks would take the turns of messages. */
  readonly #left = { message: 1, call: 1 }
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

  /** Whether this one of many messages, or of many calls of a hook, is to be timed. */
  isDue(kind: 'message' | 'call'): boolean {
    if (!this.isOn || --this.#left[kind] > 0) return false
    this.#left[kind] = this.#every
    return true
  }

  /** @param begun by `performance.now()` */
  took(part: Timing['part'], begun: number, hook?: Timing['hook']): void {
    const timing = { part, hook, ms: performance.now() - begun }
    for (const listener of this.#listeners.keys()) listener(timing)
  }

  #changed(): void {
    this.isOn = this.#listeners.size > 0
    this.#every = Math.min(...this.#listeners.values())
    this.#left.message = 1
    this.#left.call = 1
  }
}
