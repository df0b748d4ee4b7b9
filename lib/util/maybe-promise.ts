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

/** What a step comes to. Rejects with the signal's reason where that comes first: then nobody waits for the step. */
export async function unlessAborted<T>(step: MaybePromise<T>, signal: AbortSignal): Promise<T> {
  const outcome = isPromise(step) ? await settledOrAborted(step, signal) : step
  signal.throwIfAborted()
  return outcome
}

function settledOrAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).then(() => signal.removeEventListener('abort', abort))
  })
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
