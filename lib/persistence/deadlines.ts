/**
 * What is due when: a binary heap, earliest first, each place in which knows where it is, so that what loses its
 * deadline is taken out at once, and no call has to make up for many before. Owns the order only.
 * Knows no session and no message.
 */

/** A place in the order; who has the deadline keeps it, to take it out again. */
export class Deadline<T> {
  readonly item: T
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Where it is in the heap; -1 where it is not. */
  index = -1

  constructor(item: T, at: number) {
    this.item = item
    this.at = at
  }
}

/** Things by deadline. */
export class Deadlines<T> {
  readonly #heap: Deadline<T>[] = []

  add(item: T, at: number): Deadline<T> {
    const deadline = new Deadline(item, at)
    this.#insert(deadline)
    return deadline
  }

  /** Takes out a deadline, where it is still there. */
  remove(deadline: Deadline<T> | undefined): void {
    if (deadline === undefined || deadline.index === -1) return
    const { index } = deadline
    deadline.index = -1
    const last = this.#heap.pop()!
    if (last === deadline) return
    this.#sink(last, index)
    this.#rise(last, last.index)
  }

  /** The earliest deadline. */
  next(): number | undefined {
    return this.#heap[0]?.at
  }

  /** Takes out the earliest thing that is due. */
  take(now: number): T | undefined {
    return this.#takeFirst(now)?.item
  }

  /** What is due, at most `limit`, earliest first. It stays. */
  due(now: number, limit: number): T[] {
    const taken: Deadline<T>[] = []
    while (taken.length < limit) {
      const first = this.#takeFirst(now)
      if (first === undefined) break
      taken.push(first)
    }
    for (const deadline of taken) this.#insert(deadline)
    return taken.map(({ item }) => item)
  }

  #takeFirst(now: number): Deadline<T> | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.remove(first)
    return first
  }

  #insert(deadline: Deadline<T>): void {
    this.#heap.push(deadline)
    this.#rise(deadline, this.#heap.length - 1)
  }

  #place(deadline: Deadline<T>, index: number): void {
    this.#heap[index] = deadline
    deadline.index = index
  }

  #rise(deadline: Deadline<T>, from: number): void {
    let index = from
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1]!
      if (parent.at <= deadline.at) break
      this.#place(parent, index)
      index = (index - 1) >> 1
    }
    this.#place(deadline, index)
  }

  #sink(deadline: Deadline<T>, from: number): void {
    const heap = this.#heap
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++
      if (heap[child]!.at >= deadline.at) break
      this.#place(heap[child]!, index)
      index = child
    }
    this.#place(deadline, index)
  }
}
