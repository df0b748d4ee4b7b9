/** A map of limited size whose entries expire. Owns their removal; knows nothing about the entries. */
import type { Clock } from '../../../types/clock.js'

export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { value: Value; until: number }>()
  readonly #clock: Clock
  readonly #max: number
  readonly #ttlMs: number

  constructor({ clock, max, ttlMs }: { clock: Clock; max: number; ttlMs: number }) {
    this.#clock = clock
    this.#max = max
    this.#ttlMs = ttlMs
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.until > this.#clock.now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  /** Sets an entry; removes the oldest one if the map is full. */
  set(key: string, value: Value, ttlMs = this.#ttlMs): void {
    if (this.#max === 0 || ttlMs <= 0) return
    this.#entries.delete(key)
    this.#entries.set(key, { value, until: this.#clock.now() + ttlMs })
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value!)
  }

  clear(): void {
    this.#entries.clear()
  }
}
