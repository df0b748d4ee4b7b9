/** Where the broker gets the time from. Contract only. */

/** The functions of time: the system's by default; a test hands in a clock of its own. */
export interface Clock {
  /** Wall time in milliseconds since the epoch, for what is stored. It may jump when somebody sets the clock. */
  now(): number
  /**
   * Milliseconds since some fixed moment, for the deadlines of this process: it never goes back, and setting the wall
   * clock does not move it. @default `now`, for a clock that nobody sets
   */
  monotonic?(): number
  /** Calls back after a delay in milliseconds of {@link Clock.monotonic}. */
  setTimeout(callback: () => void, delayMs: number): unknown
  /** Cancels what {@link Clock.setTimeout} returned; undefined is ignored. */
  clearTimeout(timer: unknown): void
}
