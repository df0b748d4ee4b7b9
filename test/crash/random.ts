/** Random decisions that a seed repeats: each client has its own sequence, whatever the others do. */

/** A sequence of numbers from 0 to 1 (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number, name: string) {
    this.#state = seed >>> 0
    for (const character of name) this.#state = Math.imul(this.#state ^ character.charCodeAt(0), 0x9e37_79b1) >>> 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A random integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}
