/**
 * A bounded queue that is written by calls and read by an async iterator. Owns the bound and the waiting reader; must
 * not know what the items are.
 */

/** What happens when the queue is full: the new item is dropped, the oldest item is dropped, or reading fails. */
export type InboxOverflow = 'drop-oldest' | 'drop-newest' | 'fail'

/** The bound of the queue, and what happens beyond it. */
export interface InboxOptions<T> {
  max: number
  overflow: InboxOverflow
  /** Called with each item that is dropped. */
  dropped?: ((item: T) => void) | undefined
  /** Creates the error that reading ends with if the policy is `fail`. */
  full?: (() => Error) | undefined
  /** Called once, when the reader stops. */
  returned?: (() => unknown) | undefined
}

interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}

const DONE = { done: true, value: undefined } as const

export class Inbox<T> implements AsyncIterator<T, undefined> {
  readonly #options: InboxOptions<T>
  readonly #items: T[] = []
  readonly #readers: Reader<T>[] = []
  #ended = false
  #error: unknown

  constructor(options: InboxOptions<T>) {
    this.#options = options
  }

  /** The number of unread items. */
  get length(): number {
    return this.#items.length
  }

  /** Adds an item, subject to the bound. */
  push(item: T): void {
    if (this.#ended) return
    const { max, overflow, dropped } = this.#options
    if (this.#readers.length > 0 || this.#items.length < max) {
      this.add(item)
    } else if (overflow === 'fail') {
      this.end(this.#options.full?.() ?? new Error('too many items are waiting'))
    } else {
      const lost = overflow === 'drop-oldest' ? this.#items.shift() : item
      if (lost !== item) this.#items.push(item)
      dropped?.(lost as T)
    }
  }

  /** Adds an item regardless of the bound, for items that are bounded elsewhere. */
  add(item: T): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader === undefined) this.#items.push(item)
    else reader.resolve({ done: false, value: item })
  }

  /** Removes and returns the items that match, in order. */
  extract(isWanted: (item: T) => boolean): T[] {
    const wanted = this.#items.filter(isWanted)
    const left = this.#items.filter(item => !wanted.includes(item))
    this.#items.splice(0, this.#items.length, ...left)
    return wanted
  }

  /** Ends the queue: the unread items can still be read, then reading ends, or fails with the error. */
  end(error?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    for (const reader of this.#readers.splice(0)) {
      if (error === undefined) reader.resolve(DONE)
      else reader.reject(error)
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift() as T })
    if (!this.#ended) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
    const error = this.#error
    // the error is reported once
    this.#error = undefined
    return error === undefined ? Promise.resolve(DONE) : Promise.reject(error)
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.end()
    this.#items.length = 0
    await this.#options.returned?.()
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
