/**
 * Decides at each reading whether the broker is overloaded. An overload begins when the event loop or memory was above
 * its threshold twice in a row, and ends when both have been well below for some time. Owns that decision; must not
 * know what is refused or dropped during an overload.
 */
import type { Overload, OverloadCause } from '../../../types/broker/events.js'
import type { OverloadState } from '../../model/metering/overload.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { LoadProbe, LoadReading } from '../../ports/load-probe.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { Timers } from '../../util/scheduling/timers.js'

/** Readings in a row above a threshold: a single long step of the host is not an overload. */
const READINGS_TO_BEGIN = 2

/** Readings in a row below a lower threshold, so that the state does not flip back and forth. */
const READINGS_TO_END = 6

/** Readings in a row during an overload of memory without a sign of a collection, after which one is asked for. */
const READINGS_TO_COLLECT = 20

/** The lower thresholds. */
const EASED = { 'event-loop': 0.5, memory: 0.9 } as const

/** Fraction of the heap's limit, and of the container's memory; at these limits the process would be ended. */
const SHARE = 0.9

/** What the process takes in its container beside heap and buffers: code, stacks, buffers of sockets. */
const OTHER_BYTES = 48 * 1024 * 1024

/** Fraction of the memory of a very small container, of which {@link OTHER_BYTES} would leave nothing. */
const LEAST_SHARE = 1 / 3

export interface BrakeParts {
  readonly state: OverloadState
  readonly options: Pick<ResolvedOptions, 'maxEventLoopDelayMs' | 'maxMemoryBytes'>
  readonly probe: LoadProbe
  readonly timers: Pick<Timers, 'wallTime'>
  readonly events: Pick<EventSink, 'emit'>
  /** Collects the garbage of the process. */
  collectGarbage(): void
}

export class OverloadBrake {
  readonly #parts: BrakeParts
  /** Consecutive readings that indicate a change. */
  #readings = 0
  /** Consecutive readings in which memory did not become less. */
  #uncollected = 0

  constructor(parts: BrakeParts) {
    this.#parts = parts
  }

  start(): void {
    this.#parts.probe.start(reading => this.#look(reading))
  }

  stop(): void {
    this.#parts.probe.stop()
  }

  #look(reading: LoadReading): void {
    const { state } = this.#parts
    const memoryBytes = reading.heapBytes + reading.bufferBytes
    if (state.cause === 'memory') this.#collectIfNeeded(memoryBytes < state.memoryBytes)
    state.eventLoopDelayMs = reading.eventLoopDelayMs
    state.memoryBytes = memoryBytes
    if (state.isOn) this.#lookForEnd(reading)
    else this.#lookForBeginning(reading)
  }

  #lookForBeginning(reading: LoadReading): void {
    const cause = this.#causeIn(reading, { 'event-loop': 1, memory: 1 })
    this.#readings = cause === undefined ? 0 : this.#readings + 1
    if (cause === undefined || this.#readings < READINGS_TO_BEGIN) return
    this.#readings = 0
    const { state, timers, events } = this.#parts
    state.cause = cause
    state.since = timers.wallTime()
    state.times++
    events.emit('overload', this.#overload(cause))
  }

  #lookForEnd(reading: LoadReading): void {
    this.#readings = this.#causeIn(reading, EASED) === undefined ? this.#readings + 1 : 0
    if (this.#readings < READINGS_TO_END) return
    this.#readings = 0
    const { state, timers, events } = this.#parts
    const overload = this.#overload(state.cause!)
    const durationMs = timers.wallTime() - state.since!
    state.cause = undefined
    state.since = undefined
    events.emit('overloadEnd', { ...overload, durationMs })
  }

  /**
   * A process that turns its clients away may allocate so little that V8 does not collect, and what they have left
   * would count as memory forever.
   */
  #collectIfNeeded(hasBecomeLess: boolean): void {
    this.#uncollected = hasBecomeLess ? 0 : this.#uncollected + 1
    if (this.#uncollected < READINGS_TO_COLLECT) return
    this.#uncollected = 0
    this.#parts.collectGarbage()
  }

  /** @param factors of the thresholds */
  #causeIn(reading: LoadReading, factors: Readonly<Record<OverloadCause, number>>): OverloadCause | undefined {
    const { maxEventLoopDelayMs, maxMemoryBytes } = this.#parts.options
    const { eventLoopDelayMs, heapBytes, heapLimitBytes, bufferBytes, containerBytes } = reading
    const { memory } = factors
    const limit = Math.min(maxMemoryBytes, roomIn(containerBytes))
    if (heapBytes + bufferBytes > limit * memory || heapBytes > heapLimitBytes * SHARE * memory) return 'memory'
    return eventLoopDelayMs > maxEventLoopDelayMs * factors['event-loop'] ? 'event-loop' : undefined
  }

  #overload(cause: OverloadCause): Overload {
    const { eventLoopDelayMs, memoryBytes } = this.#parts.state
    return { cause, eventLoopDelayMs, memoryBytes }
  }
}

/** What heap and buffers may take of a container's memory. */
function roomIn(containerBytes: number): number {
  return Math.max(containerBytes * SHARE - OTHER_BYTES, containerBytes * LEAST_SHARE)
}
