/**
 * Frees the buffers that sockets were read into, where V8 would collect its whole heap for their sake. Owns the number of
 * bytes that were read, and when to collect. Must not know who reads.
 *
 * Node.js reads sockets into memory outside of V8's heap. V8 frees it when it collects its young objects: when these have
 * become many, or after 32 MB of such memory (64 MB since Node.js 24). But it counts the memory as part of the heap as
 * well, and may allow the heap to grow by no more than 8 MB before it collects all of it. Then the young objects have to
 * be collected before, which takes half a millisecond instead of ten or a hundred.
 */
import { collectYoungObjects, onFullCollection } from './garbage-collector.js'

/** A quarter of what V8 allows at least: a transport, and a packet that came in several chunks, have copies as well. */
const COLLECT_EVERY_BYTES = 2 * 1024 * 1024

/** V8 collects the heap for the sake of these buffers if less than this was read since the last time … */
const TOO_OFTEN_BYTES = 100 * 1024 * 1024

/** … so many times in a row. */
const TIMES = 2

/** What V8 does: replaced in tests. */
export interface Collector {
  collectYoungObjects(): void
  /** Calls back after a full collection, once. */
  onFullCollection(call: () => void): void
}

/** One per broker. Does nothing until V8 collects its heap too often. */
export class ReadBuffers {
  readonly #collector: Collector
  #bytes = 0
  /** Bytes between full collections; infinite before the first. */
  #sinceFull = Number.POSITIVE_INFINITY
  /** Full collections in a row that came too early. */
  #early = 0
  #state: 'idle' | 'watching' | 'collecting' = 'idle'
  #isPlanned = false

  constructor(collector: Collector = { collectYoungObjects, onFullCollection }) {
    this.#collector = collector
  }

  /** Counts a chunk that was read. */
  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < COLLECT_EVERY_BYTES || this.#isPlanned) return
    this.#isPlanned = true
    // after the outboxes of this turn were flushed: fewer buffers are in use then
    setImmediate(this.#afterTurn)
  }

  readonly #afterTurn = (): void => {
    this.#isPlanned = false
    this.#sinceFull += this.#bytes
    this.#bytes = 0
    if (this.#state === 'collecting') this.#collector.collectYoungObjects()
    else if (this.#state === 'idle') this.#watch()
  }

  #watch(): void {
    this.#state = 'watching'
    this.#collector.onFullCollection(this.#afterFull)
  }

  readonly #afterFull = (): void => {
    const bytes = this.#sinceFull + this.#bytes
    this.#sinceFull = 0
    this.#early = bytes < TOO_OFTEN_BYTES ? this.#early + 1 : 0
    if (this.#early === TIMES) this.#state = 'collecting'
    else this.#watch()
  }
}
