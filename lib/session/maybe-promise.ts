/** Values that may be there at once or later: the shared helpers, so that the synchronous path stays synchronous. */

/** Whether there is something to wait for. */
export function isPromise<T>(value: T | Promise<T> | void): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
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
