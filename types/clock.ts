/** Where the broker gets the time from. Contract only. */

/** The functions of time; the system's by default, a test's own where it wants to turn the hands. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}
