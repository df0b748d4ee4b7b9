/** The port that tells how much the process has to do and holds. A contract: how it is measured is not known here. */

export interface LoadReading {
  /** How late the event loop was on average since the last reading. */
  readonly eventLoopDelayMs: number
  readonly heapBytes: number
  /** Where the process ends. */
  readonly heapLimitBytes: number
  /** Memory of buffers and other objects outside the heap. */
  readonly bufferBytes: number
}

export interface LoadProbe {
  /** Has a function called with each reading, twice a second. */
  start(told: (reading: LoadReading) => void): void
  stop(): void
}
