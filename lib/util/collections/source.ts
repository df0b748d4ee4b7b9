/**
 * Reads items from an array or from an asynchronous iterator in the same way: look at the head, take it, or wait.
 * Must not know what the items are.
 */
import type { MaybeAsyncIterable } from '../../../types/persistence.js'
import { isPromise } from '../maybe-promise.js'

export class Source<T> {
  readonly #items: () => MaybeAsyncIterable<T>
  #iterator: Iterator<T> | AsyncIterator<T> | undefined
  readonly #wake: () => void
  readonly #failed: (error: unknown) => void
  #head: T | undefined
  #state: 'unknown' | 'ready' | 'waiting' | 'done' = 'unknown'

  /**
   * @param items called at the first {@link look}
   * @param wake called when a head that had to be fetched has arrived, or the end
   * @param failed called once if the items cannot be read; the source has then ended
   */
  constructor(items: () => MaybeAsyncIterable<T>, wake: () => void, failed: (error: unknown) => void) {
    this.#items = items
    this.#wake = wake
    this.#failed = failed
  }

  /** A source that never has an item: its reader waits until it is replaced. */
  static waiting<T>(): Source<T> {
    const source = new Source<T>(
      () => [],
      () => {},
      () => {},
    )
    source.#state = 'waiting'
    return source
  }

  /** Checks whether there is a head. */
  look(): 'ready' | 'waiting' | 'done' {
    if (this.#state === 'unknown') this.#fetch()
    return this.#state as 'ready' | 'waiting' | 'done'
  }

  /** The head. Valid only after {@link look} returned `ready`. */
  get head(): T {
    return this.#head as T
  }

  /** Advances to the next item. */
  take(): T {
    const head = this.#head as T
    this.#head = undefined
    this.#state = 'unknown'
    return head
  }

  /** Stops reading, and ends the iterator. */
  close(): void {
    if (this.#state === 'done') return
    this.#state = 'done'
    try {
      const closing = this.#iterator?.return?.()
      if (isPromise(closing)) closing.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  #fetch(): void {
    try {
      this.#iterator ??= iteratorOf(this.#items())
      const result = this.#iterator.next()
      if (!isPromise(result)) {
        this.#settle(result as IteratorResult<T>)
        return
      }
      this.#state = 'waiting'
      result.then(this.#arrived, this.#broke)
    } catch (error) {
      this.#broke(error)
    }
  }

  #settle(result: IteratorResult<T>): void {
    this.#state = result.done === true ? 'done' : 'ready'
    this.#head = result.done === true ? undefined : result.value
  }

  readonly #arrived = (result: IteratorResult<T>): void => {
    if (this.#state !== 'waiting') return
    this.#settle(result)
    this.#wake()
  }

  readonly #broke = (error: unknown): void => {
    if (this.#state === 'done') return
    this.#state = 'done'
    this.#failed(error)
  }
}

function iteratorOf<T>(items: MaybeAsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.iterator in items ? items[Symbol.iterator]() : items[Symbol.asyncIterator]()
}
