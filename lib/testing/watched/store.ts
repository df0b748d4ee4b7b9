/** Wraps a store: tracks pending calls and sessions, and fails on request of a test. Stores nothing itself. */
import type { AedesPersistence, MaybePromise } from '../../../types/persistence.js'
import type { Activity } from './activity.js'
import type { Faults } from './faults.js'

/** Store -> client identifiers of its sessions, as far as kits have seen them begin and end. */
const sessions = new WeakMap<AedesPersistence, Set<string>>()

/** The sessions that were stored through {@link watchStore}. */
export function sessionsOf(store: AedesPersistence): Set<string> {
  const known = sessions.get(store) ?? new Set()
  sessions.set(store, known)
  return known
}

type Method = (...args: unknown[]) => unknown

/** Wraps a store for the broker. */
export function watchStore<S extends AedesPersistence>(store: S, activity: Activity, faults: Faults): S {
  const known = sessionsOf(store)
  const wrapped = new Map<PropertyKey, Method>()
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown
      if (typeof value !== 'function' || typeof name !== 'string') return value
      const method = wrapped.get(name) ?? watched(name, value.bind(target) as Method)
      wrapped.set(name, method)
      return method
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  })

  function watched(name: string, method: Method): Method {
    return (...args) => {
      activity.note()
      noteSession(known, name, args[0])
      const fault = faults.at('store', name)
      const isListed = LISTS.has(name)
      if (fault === undefined)
        return isListed ? watchItems(name, () => method(...args)) : watchOutcome(name, method(...args))
      if (isListed) return watchItems(name, () => failingItems(fault, () => method(...args)))
      if (fault.delayMs === 0) throw fault.error
      return watchOutcome(
        name,
        late(fault, () => method(...args)),
      )
    }
  }

  async function late({ delayMs, error }: { delayMs: number; error: Error | undefined }, call: () => unknown) {
    await faults.wait(delayMs)
    if (error !== undefined) throw error
    return call()
  }

  async function* failingItems(fault: { delayMs: number; error: Error | undefined }, call: () => unknown) {
    await faults.wait(fault.delayMs)
    if (fault.error !== undefined) throw fault.error
    yield* call() as AsyncIterable<unknown>
  }

  function watchOutcome(name: string, outcome: unknown): unknown {
    if (!isThenable(outcome)) return outcome
    const over = activity.begin(`store.${name}`)
    return outcome.then(
      value => {
        over()
        return value
      },
      error => {
        over()
        throw error
      },
    )
  }

  /** Each fetch of an item is a pending call; a list that nobody continues to read is not. */
  function watchItems(name: string, call: () => unknown): unknown {
    const items = call() as Iterable<unknown> | AsyncIterable<unknown>
    if (!(Symbol.asyncIterator in items)) return items
    return {
      [Symbol.asyncIterator]() {
        const iterator = items[Symbol.asyncIterator]()
        return {
          next: () => watchOutcome(name, iterator.next()),
          return: (value: unknown) => iterator.return?.(value) ?? Promise.resolve({ done: true, value }),
        }
      },
    }
  }
}

/** Methods that return items, all at once or one after the other. */
const LISTS = new Set([
  'createRetainedStream',
  'createRetainedStreamCombi',
  'outgoingStream',
  'streamWill',
  'getClientList',
  'sharedSubscriptions',
  'queued',
  'inflight',
  'retained',
  'sessions',
  'wills',
])

function noteSession(known: Set<string>, method: string, about: unknown): void {
  if (method === 'deleteSession') known.delete(about as string)
  else if (method === 'cleanSubscriptions') known.delete((about as { id: string }).id)
  else if (method === 'saveSession') known.add((about as { clientId: string }).clientId)
  else if (method === 'addSubscriptions') known.add((about as { id: string }).id)
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as MaybePromise<unknown> & { then?: unknown })?.then === 'function'
}
