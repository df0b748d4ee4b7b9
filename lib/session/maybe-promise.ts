/** Values that may be there at once or later: the shared helpers, so that the synchronous path stays synchronous. */
import type { MaybePromise } from '../../types/persistence.js'

/** Whether there is something to wait for. */
export function isPromise<T>(value: T | Promise<T> | void): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * The outcome of two steps, the second begun without waiting for the first. What fails first is thrown or rejected;
 * the failure of the other is not left unhandled.
 */
export function both(first: MaybePromise<void>, second: () => MaybePromise<void>): MaybePromise<void> {
  if (!isPromise(first)) return second()
  return Promise.all([first, begun(second)]).then(() => {})
}

async function begun(step: () => MaybePromise<void>): Promise<void> {
  await step()
}

/** Answers by promise, or by callback where one is given. */
export function withCallback(
  promise: Promise<void>,
  callback: ((error?: Error | null) => void) | undefined,
): Promise<void> | void {
  if (callback === undefined) return promise
  promise.then(
    () => callback(null),
    error => callback(error),
  )
}
