/**
 * When this node has to see to sessions that are away: their wills and their ends, and those of nodes that are gone. Owns when,
 * and trying again; must not know what is done then.
 */
import { Heap, type HeapItem } from '../util/heap.js'
import { Timer, type Timers } from '../util/timers.js'

/** How many sessions are seen to at once. */
const AT_ONCE = 50
/** Milliseconds until what failed is tried again. */
const RETRY_MS = 2000

class Deadline implements HeapItem {
  readonly clientId: string
  readonly at: number
  index = -1

  constructor(clientId: string, at: number) {
    this.clientId = clientId
    this.at = at
  }
}

export interface SessionDeadlinesParts {
  readonly timers: Timers
  /** Sees to a session; what is not due is left alone. */
  processDue(clientId: string): Promise<void>
  failed(error: unknown): void
}

export class SessionDeadlines {
  readonly #parts: SessionDeadlinesParts
  readonly #heap = new Heap<Deadline>()
  readonly #byClient = new Map<string, Deadline>()
  readonly #timer = new Timer(() => this.#start())
  readonly #working = new Set<string>()
  #isStopped = false

  constructor(parts: SessionDeadlinesParts) {
    this.#parts = parts
  }

  /** @param at milliseconds since the epoch; undefined for never */
  set(clientId: string, at: number | undefined): void {
    const known = this.#byClient.get(clientId)
    if (known !== undefined) this.#heap.remove(known)
    this.#byClient.delete(clientId)
    if (at === undefined || this.#isStopped) return
    const deadline = new Deadline(clientId, at)
    this.#byClient.set(clientId, deadline)
    this.#heap.add(deadline)
    this.#look()
  }

  /** Whatever there was is another node's. */
  clear(): void {
    for (const deadline of this.#byClient.values()) this.#heap.remove(deadline)
    this.#byClient.clear()
  }

  stop(): void {
    this.#isStopped = true
    this.clear()
    this.#parts.timers.cancel(this.#timer)
  }

  #look(): void {
    const { first } = this.#heap
    const { timers } = this.#parts
    if (first === undefined || this.#working.size >= AT_ONCE) return
    timers.schedule(this.#timer, Math.max(0, first.at - timers.wallTime()))
  }

  #start(): void {
    const now = this.#parts.timers.wallTime()
    for (;;) {
      const { first } = this.#heap
      if (first === undefined || first.at > now || this.#working.size >= AT_ONCE) break
      this.#heap.remove(first)
      if (this.#byClient.get(first.clientId) === first) this.#byClient.delete(first.clientId)
      this.#work(first.clientId)
    }
    this.#look()
  }

  async #work(clientId: string): Promise<void> {
    // it is being seen to, and may have a new deadline by then
    if (this.#working.has(clientId)) {
      this.#again(clientId)
      return
    }
    this.#working.add(clientId)
    try {
      await this.#parts.processDue(clientId)
    } catch (error) {
      this.#parts.failed(error)
      this.#again(clientId)
    } finally {
      this.#working.delete(clientId)
      if (!this.#isStopped) this.#look()
    }
  }

  #again(clientId: string): void {
    if (!this.#byClient.has(clientId)) this.set(clientId, this.#parts.timers.wallTime() + RETRY_MS)
  }
}
