/** Slow and failing stores: wraps any store, so that its operations are answered late or fail. */
import { createRequire } from 'node:module'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { FakeClock } from '../../../lib/testing/fake-clock.js'
import { isPromise } from '../../../lib/util/maybe-promise.js'
import type { Clock } from '../../../types/clock.js'
import type { AedesPersistence } from '../../../types/persistence.js'

/** Operations that are synchronous by contract. */
const AT_ONCE = new Set(['nextDeadline', 'checkRetained', 'counts'])
const ITERABLES = new Set([
  ...[
    'queued',
    'inflight',
    'retained',
    'wills',
    'sharedSubscriptions',
    'outgoingStream',
    'streamWill',
    'getClientList',
  ],
  ...['createRetainedStream', 'createRetainedStreamCombi'],
])

type Operation = (...args: unknown[]) => unknown

/** A store whose operations pass through a function of the test. */
function wrapped(store: AedesPersistence, wrap: (name: string, operation: Operation) => Operation): AedesPersistence {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (typeof value !== 'function' || typeof name !== 'string') return value
      const operation: Operation = (...args) => value.apply(target, args)
      return AT_ONCE.has(name) ? operation : wrap(name, operation)
    },
  })
}

/**
 * How long operations take, and when they take effect: `early` immediately, so that only the answer is late; `late`
 * after that time, each after those that were started before it.
 */
export interface Latency {
  clock: Clock
  effect: 'early' | 'late'
  /** Milliseconds. */
  next(): number
}

/** Makes each operation of a store slow. */
export function slowStore(store: AedesPersistence, { clock, effect, next }: Latency): AedesPersistence {
  let free = 0
  const pass = (): Promise<void> => {
    const due = effect === 'late' ? Math.max(free, clock.now() + next()) : clock.now() + next()
    free = due
    return new Promise(resolve => clock.setTimeout(() => resolve(), due - clock.now()))
  }
  return wrapped(store, (name, operation) => {
    if (ITERABLES.has(name)) {
      return async function* (...args: unknown[]) {
        const passed = pass()
        const early = effect === 'early' ? [...(await toArray(operation(...args)))] : undefined
        await passed
        yield* early ?? (await toArray(operation(...args)))
      }
    }
    return async (...args) => {
      if (effect === 'late') {
        await pass()
        return operation(...args)
      }
      const [outcome] = await Promise.allSettled([begun(operation, args), pass()])
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    }
  })
}

async function begun(operation: Operation, args: unknown[]): Promise<unknown> {
  return operation(...args)
}

async function toArray(items: unknown): Promise<unknown[]> {
  const array: unknown[] = []
  for await (const item of items as Iterable<unknown>) array.push(item)
  return array
}

/** How an operation fails. */
export type Failure = 'throws' | 'rejects' | 'rejects late'

/** A store that fails when the test says so. */
export interface FailingStore {
  store: AedesPersistence
  /** Started operations, by name. */
  readonly calls: string[]
  /** From now on, every operation with this name fails; undefined: none. */
  fail(name: string | undefined, how?: Failure): void
}

export class StoreFailure extends Error {}

/** Makes a store fail on demand. */
export function failingStore(store: AedesPersistence): FailingStore {
  let failing: string | undefined
  let way: Failure = 'throws'
  const calls: string[] = []
  const failure = (name: string) => new StoreFailure(`${name} failed`)
  return {
    calls,
    fail(name, how = 'throws') {
      failing = name
      way = how
    },
    store: wrapped(store, (name, operation) => (...args) => {
      calls.push(name)
      if (name !== failing) return operation(...args)
      if (way === 'throws') throw failure(name)
      if (ITERABLES.has(name)) return failingIterable(failure(name))
      if (way === 'rejects') return Promise.reject(failure(name))
      return new Promise((_, reject) => setImmediate(() => setImmediate(() => reject(failure(name)))))
    }),
  }
}

function failingIterable(error: Error): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }
}

/** A store that reports whether operations are pending. */
export interface WatchedStore {
  store: AedesPersistence
  readonly isIdle: boolean
}

/** Makes a store report pending operations. */
export function watchedStore(store: AedesPersistence): WatchedStore {
  let open = 0
  return {
    get isIdle() {
      return open === 0
    },
    store: wrapped(store, (name, operation) => {
      if (!ITERABLES.has(name)) {
        return (...args) => {
          const outcome = operation(...args)
          if (!isPromise(outcome)) return outcome
          open++
          return outcome.finally(() => open--)
        }
      }
      return async function* (...args: unknown[]) {
        open++
        try {
          yield* operation(...args) as AsyncIterable<unknown>
        } finally {
          open--
        }
      }
    }),
  }
}

/** A store whose answers can be held back. */
export interface HeldStore {
  store: AedesPersistence
  /** The answers that are held back. */
  readonly waiting: (() => void)[]
  /** From now on, the answers to this operation are held back. */
  hold(name: string): void
  /** Releases all answers, and holds back no more. */
  letGo(): void
}

/** Holds back the answers of a store, on demand; operations take effect immediately. */
export function heldStore(store: AedesPersistence): HeldStore {
  let held: string | undefined
  const waiting: (() => void)[] = []
  return {
    waiting,
    hold(name) {
      held = name
    },
    letGo() {
      held = undefined
      for (const go of waiting.splice(0)) go()
    },
    store: wrapped(store, (name, operation) => (...args) => {
      if (name !== held) return operation(...args)
      const outcome = operation(...args)
      return new Promise(resolve => waiting.push(() => resolve(outcome)))
    }),
  }
}

/** The stores for tests: our own, and the published one with only the base contract. */
export const STORES: Record<string, (clock: FakeClock) => AedesPersistence> = {
  memory: clock => createMemoryPersistence({ now: () => clock.now() }),
  'aedes-persistence': () => {
    const Persistence = createRequire(import.meta.url)('aedes-persistence/asyncPersistence.js')
    return new Persistence() as AedesPersistence
  },
}

/** Advances the clock by a millisecond at a time until the body is done. */
export async function whileTimePasses<T>(clock: FakeClock, body: () => Promise<T>): Promise<T> {
  let done = false
  const end = () => {
    done = true
  }
  const result = body()
  result.then(end, end)
  while (!done) await clock.advance(1)
  return result
}
