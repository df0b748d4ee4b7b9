/**
 * Wraps a store to trace and time its operations. Owns that this costs nothing unless it is used; must not know what
 * the operations do.
 */
import type { MaybeAsyncIterable, SessionPersistence } from '../../types/persistence.js'
import type { Timings } from '../model/metering/timings.js'
import { stores } from '../model/metering/trace-points.js'
import { ITERABLES, type Members, membersOf } from '../persistence/members.js'
import { MemoryPersistence } from '../persistence/memory/memory.js'
import { isPromise } from '../util/maybe-promise.js'

/** Opening, closing, and operations that are synchronous by contract. */
const UNWATCHED: ReadonlySet<string> = new Set([
  ...['constructor', 'setup', 'recover', 'destroy', 'backup'],
  ...['nextDeadline', 'checkRetained', 'counts'],
])

/** Operations that occur for each message, so that only samples are timed. */
const PER_MESSAGE: ReadonlySet<string> = new Set([
  ...['subscriptionsByTopic', 'enqueue', 'storeRetained', 'retainedOf'],
  ...['markSent', 'markReleased', 'removeQueued', 'addIncoming', 'removeIncoming'],
])

/** @param origin the store behind the adapter. The store in memory takes no time, so it is only traced. */
export function watchedStore(store: SessionPersistence, origin: object, timings: Timings): SessionPersistence {
  if (origin instanceof MemoryPersistence && !stores.isOn) return store
  const members = store as unknown as Members
  const watched: Members = {}
  for (const [name, value] of membersOf(store)) {
    const run = (...args: unknown[]) => members[name]!(...args)
    if (typeof value !== 'function') Object.defineProperty(watched, name, { get: () => members[name] })
    else watched[name] = UNWATCHED.has(name) ? run : timedOperation(name, tracedOperation(name, run), timings)
  }
  return watched as unknown as SessionPersistence
}

type Operation = (...args: unknown[]) => unknown

function timedOperation(operation: string, run: Operation, timings: Timings): Operation {
  const sampler = PER_MESSAGE.has(operation) ? timings.sampler(operation) : undefined
  const took = (ms: number) => timings.took('store', ms, { operation })
  return (...args) => {
    if (!timings.isOn || (sampler !== undefined && !sampler.isDue)) return run(...args)
    if (ITERABLES.has(operation)) return timedItems(run(...args) as MaybeAsyncIterable<unknown>, took)
    const begun = performance.now()
    const outcome = run(...args)
    if (isPromise(outcome)) return outcome.finally(() => took(performance.now() - begun))
    took(performance.now() - begun)
    return outcome
  }
}

/** Times how long the reader waits for items, not how long it processes them. */
function timedItems(items: MaybeAsyncIterable<unknown>, took: (ms: number) => void): MaybeAsyncIterable<unknown> {
  return Symbol.iterator in items ? timedIterable(items, took) : timedAsyncIterable(items, took)
}

function* timedIterable(items: Iterable<unknown>, took: (ms: number) => void): Iterable<unknown> {
  let ms = 0
  const iterator = items[Symbol.iterator]()
  try {
    while (true) {
      const begun = performance.now()
      const { done, value } = iterator.next()
      ms += performance.now() - begun
      if (done) return
      yield value
    }
  } finally {
    iterator.return?.()
    took(ms)
  }
}

async function* timedAsyncIterable(items: AsyncIterable<unknown>, took: (ms: number) => void): AsyncIterable<unknown> {
  let ms = 0
  const iterator = items[Symbol.asyncIterator]()
  try {
    while (true) {
      const begun = performance.now()
      const { done, value } = await iterator.next()
      ms += performance.now() - begun
      if (done) return
      yield value
    }
  } finally {
    await iterator.return?.()
    took(ms)
  }
}

function tracedOperation(operation: string, run: Operation): Operation {
  return (...args) => (stores.isOn ? traced(operation, args, () => run(...args)) : run(...args))
}

function traced<Result>(operation: string, args: readonly unknown[], run: () => Result): Result {
  const trace = { operation, args, error: undefined as Error | undefined }
  const failed = (error: unknown): never => {
    trace.error = error instanceof Error ? error : new Error(String(error))
    stores.end(trace)
    throw error
  }
  try {
    const outcome = stores.run(trace, run)
    if (!isPromise(outcome)) {
      stores.end(trace)
      return outcome
    }
    return outcome.then(value => {
      stores.end(trace)
      return value
    }, failed) as Result
  } catch (error) {
    return failed(error)
  }
}
