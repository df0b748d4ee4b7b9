/** The broker's source of time. Contract only. */

/** The functions of time: those of the system by default; a test can pass its own clock. */
export interface Clock {
  /** Wall time in milliseconds since the epoch, for stored times. It may jump when the clock is set. */
  now(): number
  /**
   * Milliseconds since a fixed moment, for the deadlines of this process: it never goes back, and setting the wall
   * clock does not affect it. @default `now`, for a clock that is never set
   */
  monotonic?(): number
  /** Calls back after a delay in milliseconds of {@link Clock.monotonic}. */
  setTimeout(callback: () => void, delayMs: number): unknown
  /** Cancels what {@link Clock.setTimeout} returned; undefined is ignored. */
  clearTimeout(timer: unknown): void
}
