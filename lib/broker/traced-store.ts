/**
 * A store whose operations are watched from outside. Owns that nobody who does not watch pays for it: whether anybody
 * does is looked at once, when the broker is created.
 */
import type { SessionPersistence } from '../../types/persistence.js'
import { stores } from '../model/metering/trace-points.js'
import { isPromise } from '../util/maybe-promise.js'

/** The store itself where nobody watches. */
export function tracedStore(store: SessionPersistence): SessionPersistence {
  if (!stores.isOn) return store
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => traced(String(name), args, () => Reflect.apply(member, target, args))
    },
  })
}

function traced<Result>(operation: string, args: readonly unknown[], run: () => Result): Result {
  const trace = stores.begin({ operation, args, error: undefined })
  const failed = (error: unknown): never => {
    trace.error = error instanceof Error ? error : new Error(String(error))
    stores.end(trace)
    throw error
  }
  try {
    const outcome = run()
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
