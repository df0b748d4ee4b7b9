/** A queue, first in, first out. Removing the first item takes constant time. */

export class Fifo<T> {
  #items: (T | undefined)[] = []
  #first = 0

  get length(): number {
    return this.#items.length - this.#first
  }

  /** The first item; undefined if the queue is empty. */
  get first(): T | undefined {
    return this.#items[this.#first]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Removes and returns the first item, which must exist. */
  shift(): T {
    const item = this.#items[this.#first]!
    this.#items[this.#first++] = undefined
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}
