/**
 * An unordered collection of items that come and go. Each item stores its index, so that adding and removing take
 * constant time. It is not a Set, because V8 keeps the old tables of a Set that grows and shrinks, and the items in
 * them, until a full garbage collection.
 */

export interface Placed {
  /** The item's index; -1 while it is in no roster. */
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

  /** Copy it first if items may be added or removed during the iteration. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items.values()
  }
}
