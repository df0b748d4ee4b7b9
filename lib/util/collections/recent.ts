/**
 * A map whose entries expire: each is kept for at least one period and at most two, and there are never more entries
 * than twice the capacity. Must not know what the entries mean.
 */
import { Timer, type Timers } from '../scheduling/timers.js'

export interface RecentBounds {
  periodMs: number
  /** Maximum entries of one period; a period with more ends early. */
  capacity: number
}

export class Recent<V extends NonNullable<unknown>> {
  readonly #timers: Timers
  readonly #bounds: RecentBounds
  readonly #timer = new Timer(() => this.#turn())
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  constructor(timers: Timers, bounds: RecentBounds) {
    this.#timers = timers
    this.#bounds = bounds
  }

  /** The number of entries. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  set(key: string, value: V): void {
    this.#old.delete(key)
    this.#young.set(key, value)
    if (this.#young.size >= this.#bounds.capacity) this.#turn()
    else if (this.#timer.index === -1) this.#timers.schedule(this.#timer, this.#bounds.periodMs)
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  /** Ends a period. The timer runs only while there are entries. */
  #turn(): void {
    this.#old = this.#young
    this.#young = new Map()
    if (this.#old.size > 0) this.#timers.schedule(this.#timer, this.#bounds.periodMs)
  }
}
