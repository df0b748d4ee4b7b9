/** The port that measures the load and memory of the process. A contract: how it is measured is not known here. */

export interface LoadReading {
  /** Mean delay of the event loop since the last reading. */
  readonly eventLoopDelayMs: number
  readonly heapBytes: number
  /** The heap size at which the process would be aborted. */
  readonly heapLimitBytes: number
  /** The memory of the container, above which the system ends the process; `Infinity` outside of containers. */
  readonly containerBytes: number
  /** Memory of buffers and other objects outside of the heap. */
  readonly bufferBytes: number
}

export interface LoadProbe {
  /** Calls a function with a reading twice a second. */
  start(told: (reading: LoadReading) => void): void
  stop(): void
}
