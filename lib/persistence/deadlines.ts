/**
 * Items with a deadline, earliest first. Owns the order only; must not know sessions or messages.
 */
import { Heap, type HeapItem } from '../util/collections/heap.js'

/** One deadline. Its owner keeps it in order to remove it. */
export class Deadline<T> implements HeapItem {
  readonly item: T
  readonly at: number
  index = -1

  constructor(item: T, at: number) {
    this.item = item
    this.at = at
  }
}

/** Items, ordered by deadline. */
export class Deadlines<T> {
  readonly #heap = new Heap<Deadline<T>>()

  /** @param at milliseconds since the epoch */
  add(item: T, at: number): Deadline<T> {
    const deadline = new Deadline(item, at)
    this.#heap.add(deadline)
    return deadline
  }

  /** Removes a deadline, if it is still set. */
  remove(deadline: Deadline<T> | undefined): void {
    if (deadline !== undefined) this.#heap.remove(deadline)
  }

  /** The earliest deadline. */
  next(): number | undefined {
    return this.#heap.first?.at
  }

  /** Removes and returns the earliest item that is due. */
  take(now: number): T | undefined {
    return this.#takeFirst(now)?.item
  }

  /** Up to `limit` items that are due, earliest first, without removing them. */
  due(now: number, limit: number): T[] {
    const taken: Deadline<T>[] = []
    while (taken.length < limit) {
      const first = this.#takeFirst(now)
      if (first === undefined) break
      taken.push(first)
    }
    for (const deadline of taken) this.#heap.add(deadline)
    return taken.map(({ item }) => item)
  }

  #takeFirst(now: number): Deadline<T> | undefined {
    const { first } = this.#heap
    if (first === undefined || first.at > now) return undefined
    this.#heap.remove(first)
    return first
  }
}
