/**
 * Keeps the process alive for a call of the host that waits. The timers of a broker do not, and nor do streams in memory:
 * the process would end, and the call would never answer. Must not know the call.
 */

const LONG_MS = 1_000_000

/** @returns ends it */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, LONG_MS)
  return () => clearInterval(timer)
}
