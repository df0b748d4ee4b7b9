/** A queue of items of several parties. The parties take turns; the items of one party stay in order. */
import { Fifo } from './fifo.js'

export class RoundRobin<T> {
  readonly #partyOf: (item: T) => string
  /** Party -> its items; the one whose turn it is first. */
  readonly #parties = new Map<string, Fifo<T>>()
  #length = 0

  constructor(partyOf: (item: T) => string) {
    this.#partyOf = partyOf
  }

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    const party = this.#partyOf(item)
    let items = this.#parties.get(party)
    if (items === undefined) {
      items = new Fifo()
      this.#parties.set(party, items)
    }
    items.push(item)
    this.#length++
  }

  /** Removes and returns the first item of the party whose turn it is. There must be one. */
  shift(): T {
    const [party, items] = this.#parties.entries().next().value!
    this.#parties.delete(party)
    const item = items.shift()
    if (items.length > 0) this.#parties.set(party, items)
    this.#length--
    return item
  }
}
