/**
 * Limits the time of a store's operations: one that is not answered in time fails.
 * Owns the waiting; must not know what the operations do.
 */
import type { MaybeAsyncIterable, SessionPersistence } from '../../../types/persistence.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Timer, type Timers } from '../../util/scheduling/timers.js'
import { ITERABLES, type Members, membersOf } from '../members.js'

/** Operations without a limit: opening and closing. */
const UNBOUNDED: ReadonlySet<string> = new Set(['setup', 'recover', 'sharedSubscriptions', 'destroy', 'backup'])

/**
 * Wraps a store with a time limit. Late answers are ignored. It does no harm if such an operation took effect, because
 * the contract requires operations to take effect in the order in which they were begun.
 * @param timeoutMs 0 for no limit
 */
export function withStoreTimeout(store: SessionPersistence, timers: Timers, timeoutMs: number): SessionPersistence {
  if (timeoutMs === 0) return store
  const answers = new Answers(timers, timeoutMs)
  const members = store as unknown as Members
  const bounded: Members = {}
  for (const [name, value] of membersOf(store)) {
    if (typeof value !== 'function') Object.defineProperty(bounded, name, { get: () => members[name] })
    else if (UNBOUNDED.has(name)) bounded[name] = (...args) => members[name]!(...args)
    // the limit applies to each item
    else if (ITERABLES.has(name)) bounded[name] = (...args) => answers.items(name, members[name]!(...args))
    else bounded[name] = (...args) => answers.value(name, members[name]!(...args))
  }
  return bounded as unknown as SessionPersistence
}

/** A pending answer, in a linked list: a Set costs four times as much. */
class Awaited {
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly until: number
  readonly giveUp: (error: Error) => void
  earlier: Awaited = this
  later: Awaited = this

  constructor(name: string, until: number, giveUp: (error: Error) => void) {
    this.name = name
    this.until = until
    this.giveUp = giveUp
  }

  /** Inserts this into the list, before `next`. */
  join(next: Awaited): void {
    this.earlier = next.earlier
    this.later = next
    next.earlier.later = this
    next.earlier = this
  }

  /** Removes this from the list, permanently. */
  leave(): void {
    this.earlier.later = this.later
    this.later.earlier = this.earlier
    this.earlier = this
    this.later = this
  }
}

/** All pending answers, with one timer that is not rescheduled for each. */
class Answers {
  readonly #timers: Timers
  readonly #timeoutMs: number
  /** The sentinel of the list, which is in the order of the deadlines. */
  readonly #ends = new Awaited('', Number.POSITIVE_INFINITY, () => {})
  readonly #timer = new Timer(() => this.#giveUp())

  constructor(timers: Timers, timeoutMs: number) {
    this.#timers = timers
    this.#timeoutMs = timeoutMs
  }

  value(name: string, answer: unknown): unknown {
    return isPromise(answer) ? this.#inTime(name, answer) : answer
  }

  items(name: string, items: unknown): unknown {
    const answer = items as MaybeAsyncIterable<unknown>
    if (Symbol.iterator in answer) return answer
    return { [Symbol.asyncIterator]: () => this.#iterator(name, answer[Symbol.asyncIterator]()) }
  }

  #iterator(name: string, items: AsyncIterator<unknown>): AsyncIterator<unknown> {
    return {
      next: () => this.#inTime(name, items.next()),
      return: async () => (await items.return?.()) ?? { done: true, value: undefined },
    }
  }

  #inTime<T>(name: string, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const awaited = new Awaited(name, this.#timers.now() + this.#timeoutMs, reject)
      awaited.join(this.#ends)
      if (this.#timer.index === -1) this.#timers.scheduleAt(this.#timer, awaited.until)
      answer.then(
        value => {
          awaited.leave()
          resolve(value)
        },
        error => {
          awaited.leave()
          reject(error)
        },
      )
    })
  }

  #giveUp(): void {
    const now = this.#timers.now()
    let first = this.#ends.later
    for (; first.until <= now; first = this.#ends.later) {
      first.leave()
      first.giveUp(new Error(`${first.name}: no answer within ${this.#timeoutMs} ms`))
    }
    if (first !== this.#ends) this.#timers.scheduleAt(this.#timer, first.until)
  }
}
