/**
 * What is due when: a binary heap, earliest first. Owns the order only; what a thing's deadline is, the thing knows.
 * Deletion is lazy: a thing whose deadline has changed or gone is skipped when its old turn comes, and the heap is
 * rebuilt once most of it is of that kind. Knows no session and no message.
 */

interface Turn<T> {
  at: number
  item: T
}

/** Below this, rebuilding saves nothing. */
const MIN_REBUILD = 64

/** Things by deadline, in milliseconds since the epoch. */
export class Deadlines<T> {
  readonly #deadlineOf: (item: T) => number | undefined
  #heap: Turn<T>[] = []
  #outdated = 0

  /** @param deadlineOf a thing's deadline as it is now; undefined when it has none any more */
  constructor(deadlineOf: (item: T) => number | undefined) {
    this.#deadlineOf = deadlineOf
  }

  /** Notes a thing that has just got a deadline. */
  add(item: T): void {
    const at = this.#deadlineOf(item)
    if (at === undefined) return
    this.#heap.push({ at, item })
    this.#rise(this.#heap.length - 1)
  }

  /** To be told whenever a thing that was added has lost its deadline before its time, or got another. */
  noteOutdated(): void {
    this.#outdated++
    if (this.#heap.length > MIN_REBUILD && this.#outdated * 2 > this.#heap.length) this.#rebuild()
  }

  /** The earliest deadline. */
  next(): number | undefined {
    return this.#first()?.at
  }

  /** Takes out the earliest thing that is due. */
  take(now: number): T | undefined {
    const first = this.#first()
    if (first === undefined || first.at > now) return undefined
    this.#dropFirst()
    return first.item
  }

  /** What is due, at most `limit`, earliest first. It stays until it loses its deadline. */
  due(now: number, limit: number): T[] {
    const items = new Set<T>()
    while (items.size < limit) {
      const item = this.take(now)
      if (item === undefined) break
      items.add(item)
    }
    for (const item of items) this.add(item)
    return [...items]
  }

  clear(): void {
    this.#heap = []
    this.#outdated = 0
  }

  #isCurrent({ at, item }: Turn<T>): boolean {
    return this.#deadlineOf(item) === at
  }

  #first(): Turn<T> | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || this.#isCurrent(first)) return first
      this.#dropFirst()
      if (this.#outdated > 0) this.#outdated--
    }
  }

  #dropFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rebuild(): void {
    this.#heap = this.#heap.filter(turn => this.#isCurrent(turn))
    this.#outdated = 0
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  #rise(from: number): void {
    const heap = this.#heap
    const turn = heap[from]!
    let i = from
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= turn.at) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = turn
  }

  #sink(from: number): void {
    const heap = this.#heap
    const turn = heap[from]!
    let i = from
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++
      if (heap[child]!.at >= turn.at) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = turn
  }
}
