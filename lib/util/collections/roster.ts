/**
 * What is there at the moment, in no particular order. Each item knows its place, so that adding and removing one touches
 * one other at most. Not a Set: of one that grows and shrinks all the time, V8 keeps the tables of before until a full
 * garbage collection, and with them the items that were in them.
 */

export interface Placed {
  /** The item's place; -1 while it is in no roster. */
  place: number
}

export class Roster<T extends Placed> implements Iterable<T> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** Adds an item that is in no roster. */
  add(item: T): void {
    item.place = this.#items.push(item) - 1
  }

  /** Removes an item that is in this roster. */
  delete(item: T): void {
    const last = this.#items.pop()!
    if (last !== item) {
      this.#items[item.place] = last
      last.place = item.place
    }
    item.place = -1
  }

  /** To be copied where items may come or go meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items.values()
  }
}
