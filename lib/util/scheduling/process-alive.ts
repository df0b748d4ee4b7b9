/**
 * Keeps the process alive while a call of the host waits. Neither the broker's timers nor streams in memory do that, so
 * the process would end before the call returns. Must not know the call.
 */

const LONG_MS = 1_000_000

/** @returns a function that stops keeping it alive */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, LONG_MS)
  return () => clearInterval(timer)
}
