/**
 * A bounded queue that is written by calls and read by an async iterator. Owns the bound and who waits for the next
 * item; must not know what the items are.
 */

/** What happens to an item that finds the queue full: it is dropped, or the oldest one is, or reading fails. */
export type InboxOverflow = 'drop-oldest' | 'drop-newest' | 'fail'

/** How much may wait, and what becomes of the rest. */
export interface InboxOptions<T> {
  max: number
  overflow: InboxOverflow
  /** Told of each item that is dropped. */
  dropped?: ((item: T) => void) | undefined
  /** Makes the error that reading ends with, where the policy is `fail`. */
  full?: (() => Error) | undefined
  /** Called once, when the reader goes. */
  returned?: (() => unknown) | undefined
}

interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}

const DONE = { done: true, value: undefined } as const

export class Inbox<T> implements AsyncIterableIterator<T, undefined> {
  readonly #options: InboxOptions<T>
  readonly #items: T[] = []
  readonly #readers: Reader<T>[] = []
  #ended = false
  #error: unknown

  constructor(options: InboxOptions<T>) {
    this.#options = options
  }

  /** Items that wait to be read. */
  get length(): number {
    return this.#items.length
  }

  /** Puts an item in, as far as the bound allows. */
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

  /** Puts an item in, whatever the bound: for what is bounded by other means. */
  add(item: T): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader === undefined) this.#items.push(item)
    else reader.resolve({ done: false, value: item })
  }

  /** Takes those out that are wanted elsewhere, in order. */
  extract(isWanted: (item: T) => boolean): T[] {
    const wanted = this.#items.filter(isWanted)
    const left = this.#items.filter(item => !wanted.includes(item))
    this.#items.splice(0, this.#items.length, ...left)
    return wanted
  }

  /** No more will come: what is there can still be read, then reading is done, or fails where there is an error. */
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
    // a failure is told once
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
