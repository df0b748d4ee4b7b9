/** The delay of the event loop since the last reading. Owns the monitor; knows no broker and no metric. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Resolution of the measurement, in milliseconds. */
const RESOLUTION_MS = 20

const PERCENTILES = { p50: 50, p99: 99, max: 100 } as const

export type Percentile = keyof typeof PERCENTILES

export class EventLoopDelay {
  readonly #monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  constructor() {
    this.#monitor.enable()
  }

  /** Returns the percentiles in seconds, and starts a new measurement. */
  take(): Record<Percentile, number> {
    const { p50, p99, max } = PERCENTILES
    const taken = { p50: this.#seconds(p50), p99: this.#seconds(p99), max: this.#seconds(max) }
    this.#monitor.reset()
    return taken
  }

  close(): void {
    this.#monitor.disable()
  }

  /** Subtracts the period of the measuring timer, which is not a delay. */
  #seconds(percentile: number): number {
    if (this.#monitor.count === 0) return 0
    return Math.max(this.#monitor.percentile(percentile) / 1e9 - RESOLUTION_MS / 1000, 0)
  }
}
