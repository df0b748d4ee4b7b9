/**
 * A timer that does not keep the process alive, whoever made it: environments of test runners for web pages (jsdom) have
 * timers that are numbers.
 */
export function idleTimeout(callback: () => void, delayMs: number): NodeJS.Timeout {
  const timer = setTimeout(callback, delayMs)
  timer.unref?.()
  return timer
}
