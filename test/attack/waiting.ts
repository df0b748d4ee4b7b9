/** Waits that end: what an attack waits for may never come, and then it has to say what that was. */

/** How long anything is waited for, in milliseconds: many times what it takes on a busy machine. */
const PATIENCE_MS = 120_000

/** @param what is waited for, as in "no CONNACK in 120 seconds" */
export function inTime<T>(what: string, promise: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no ${what} in ${patienceMs / 1000} seconds`))
    const timer = setTimeout(late, patienceMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
