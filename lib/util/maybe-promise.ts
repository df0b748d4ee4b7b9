/** Values that are either available now or promised: helpers that keep the synchronous path synchronous. */
import type { MaybePromise } from '../../types/persistence.js'

/** Whether the value is a promise. */
export function isPromise<T>(value: T | Promise<T> | void): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * Combines two steps, where the second was begun without waiting for the first. Throws or rejects with the first
 * failure; a failure of the other step does not become an unhandled rejection.
 */
export function both(first: MaybePromise<void>, second: () => MaybePromise<void>): MaybePromise<void> {
  if (!isPromise(first)) return second()
  return Promise.all([first, begun(second)]).then(() => {})
}

async function begun(step: () => MaybePromise<void>): Promise<void> {
  await step()
}

/**
 * Reports a result through the callback if there is one, otherwise through a promise. A callback that is not a function
 * counts as missing, for example when somebody publishes a topic and a payload instead of a message.
 */
export function withCallback(
  promise: Promise<void>,
  callback: ((error?: Error | null) => void) | undefined,
): Promise<void> | void {
  if (typeof callback !== 'function') return promise
  promise.then(
    () => callback(null),
    error => callback(error),
  )
}
