/** Waits with a time limit: if an attack waits in vain, the error says for what. */

/** The time limit, in milliseconds: many times what is needed on a busy machine. */
const PATIENCE_MS = 120_000

/** @param what is waited for, as in "no CONNACK in 120 seconds" */
export function inTime<T>(what: string, promise: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no ${what} in ${patienceMs / 1000} seconds`))
    const timer = setTimeout(late, patienceMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
