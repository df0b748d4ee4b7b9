/**
 * A store that is not waited for without end: an operation that is not answered in time counts as failed.
 * Owns the waiting; must not know what the operations are for.
 */
import type { MaybeAsyncIterable, SessionPersistence } from '../../../types/persistence.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Timer, type Timers } from '../../util/timers.js'

/** Opening and closing a store takes as long as it takes. */
const UNBOUNDED: ReadonlySet<string> = new Set(['setup', 'recover', 'sharedSubscriptions', 'destroy', 'backup'])

/** What answers with items: each of them is waited for so long. */
const ITERABLES: ReadonlySet<string> = new Set(['queued', 'inflight', 'retained', 'sessions', 'wills'])

type Members = Record<string, (...args: unknown[]) => unknown>

/**
 * The same store behind that bound. A late answer is ignored; that the operation took effect after all is no harm,
 * for the contract has operations take effect in the order in which they are begun.
 * @param timeoutMs 0 for no bound
 */
export function withStoreTimeout(store: SessionPersistence, timers: Timers, timeoutMs: number): SessionPersistence {
  if (timeoutMs === 0) return store
  const answers = new Answers(timers, timeoutMs)
  const members = store as unknown as Members
  const bounded: Members = {}
  for (const [name, value] of membersOf(store)) {
    if (typeof value !== 'function') Object.defineProperty(bounded, name, { get: () => members[name] })
    else if (UNBOUNDED.has(name)) bounded[name] = (...args) => members[name]!(...args)
    else if (ITERABLES.has(name)) bounded[name] = (...args) => answers.items(name, members[name]!(...args))
    else bounded[name] = (...args) => answers.value(name, members[name]!(...args))
  }
  return bounded as unknown as SessionPersistence
}

/** All that an object has, of its own or by its classes. A getter is not asked: the store is not open yet. */
function membersOf(object: object): Map<string, unknown> {
  const members = new Map<string, unknown>()
  for (let owner = object; owner !== null && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (!members.has(name)) members.set(name, value)
    }
  }
  return members
}

/** An answer that is waited for: a link of a chain, for a set costs four times as much. */
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

  /** Joins the chain, in front of `next`. */
  join(next: Awaited): void {
    this.earlier = next.earlier
    this.later = next
    next.earlier.later = this
    next.earlier = this
  }

  /** Leaves it; who has left stays out. */
  leave(): void {
    this.earlier.later = this.later
    this.later.earlier = this.earlier
    this.earlier = this
    this.later = this
  }
}

/** All that are waited for, behind one timer: it is not moved for each. */
class Answers {
  readonly #timers: Timers
  readonly #timeoutMs: number
  /** Between the last and the first of the chain, which is in the order in which their time is over. */
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
