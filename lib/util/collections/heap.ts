/**
 * A binary heap of items with a time, earliest first. Each item stores its index, so that removing one takes
 * logarithmic time. Owns the order only; must not know what the times are for.
 */

/** An item with a time. The heap stores the item's index in it. */
export interface HeapItem {
  /** Milliseconds since the epoch. Must not change while the item is in a heap. */
  readonly at: number
  /** Index in the heap; -1 while the item is in none. */
  index: number
}

/** Items by time. */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = []

  /** The earliest item. */
  get first(): T | undefined {
    return this.#items[0]
  }

  /** Adds an item that is in no heap. */
  add(item: T): void {
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  /** Removes an item, if it is in the heap. */
  remove(item: T): void {
    const { index } = item
    if (index === -1) return
    item.index = -1
    const last = this.#items.pop()!
    if (last === item) return
    this.#sink(last, index)
    this.#rise(last, last.index)
  }

  /** Removes all items. */
  clear(): void {
    for (const item of this.#items) item.index = -1
    this.#items.length = 0
  }

  #place(item: T, index: number): void {
    this.#items[index] = item
    item.index = index
  }

  #rise(item: T, from: number): void {
    let index = from
    while (index > 0) {
      const parent = this.#items[(index - 1) >> 1]!
      if (parent.at <= item.at) break
      this.#place(parent, index)
      index = (index - 1) >> 1
    }
    this.#place(item, index)
  }

  #sink(item: T, from: number): void {
    const items = this.#items
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= items.length) break
      if (child + 1 < items.length && items[child + 1]!.at < items[child]!.at) child++
      if (items[child]!.at >= item.at) break
      this.#place(items[child]!, index)
      index = child
    }
    this.#place(item, index)
  }
}
