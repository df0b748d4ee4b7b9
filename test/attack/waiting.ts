/** Waits that end: what an attack waits for may never come, and then it has to say what that was. */
import { setTimeout as pause } from 'node:timers/promises'

/** How long anything is waited for, in milliseconds: many times what it takes on a busy machine. */
const PATIENCE_MS = 120_000

/** @param what is waited for, as in "no CONNACK in 60 seconds" */
export async function inTime<T>(what: string, promise: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const timer = new AbortController()
  const late = pause(patienceMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no ${what} in ${patienceMs / 1000} seconds`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    timer.abort()
    late.catch(() => {})
    promise.catch(() => {})
  }
}
