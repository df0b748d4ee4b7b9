/**
 * Measures this process: its event loop, if requested, and its memory. Must not know what follows from the numbers. It
 * always uses real time, even if the broker has another clock.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import v8 from 'node:v8'
import type { LoadProbe, LoadReading } from '../../ports/load-probe.js'
import { processMemory } from '../../util/memory/process-memory.js'

/** Resolution of the measurement of the event loop. */
const RESOLUTION_MS = 20

const NANOSECONDS = 1e6

const READING_MS = 500

export class ProcessProbe implements LoadProbe {
  readonly #delays: IntervalHistogram | undefined
  #interval: NodeJS.Timeout | undefined

  /** @param measured whether to measure the event loop, which wakes the process 50 times a second */
  constructor(measured: { eventLoop: boolean }) {
    if (measured.eventLoop) this.#delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  }

  start(told: (reading: LoadReading) => void): void {
    this.#delays?.enable()
    this.#interval = setInterval(() => told(this.#read()), READING_MS)
    // the fake timers of a test may lack this method
    this.#interval.unref?.()
  }

  #read(): LoadReading {
    // process.memoryUsage() opens a file, and throws if the process has no file descriptor left
    const { used_heap_size, external_memory, heap_size_limit } = v8.getHeapStatistics()
    const { bytes, isContainer } = processMemory()
    return {
      eventLoopDelayMs: this.#meanDelayMs(),
      heapBytes: used_heap_size,
      heapLimitBytes: heap_size_limit,
      containerBytes: isContainer ? bytes : Number.POSITIVE_INFINITY,
      bufferBytes: external_memory,
    }
  }

  stop(): void {
    clearInterval(this.#interval)
    this.#delays?.disable()
  }

  #meanDelayMs(): number {
    const delays = this.#delays
    if (delays === undefined || delays.count === 0) return 0
    const meanMs = delays.mean / NANOSECONDS
    delays.reset()
    return Math.max(0, meanMs - RESOLUTION_MS)
  }
}
