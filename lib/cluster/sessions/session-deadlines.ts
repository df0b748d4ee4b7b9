/**
 * The deadlines of disconnected sessions that this node handles: wills and expiry, and sessions of failed nodes. Owns
 * the schedule and the retries; must not know how they are handled.
 */
import { type Deadline, Deadlines } from '../../persistence/deadlines.js'
import { Timer, type Timers } from '../../util/scheduling/timers.js'

/** Maximum number of sessions that are handled concurrently. */
const AT_ONCE = 50
/** Retry delay in milliseconds. */
const RETRY_MS = 2000

export interface SessionDeadlinesParts {
  readonly timers: Timers
  /** Handles a due will or expiry of a session. */
  processDue(clientId: string): Promise<void>
  failed(error: unknown): void
}

export class SessionDeadlines {
  readonly #parts: SessionDeadlinesParts
  readonly #deadlines = new Deadlines<string>()
  readonly #byClient = new Map<string, Deadline<string>>()
  readonly #timer = new Timer(() => this.#start())
  readonly #working = new Set<string>()
  /** Clients whose node has failed, which are handled regardless of their deadline. */
  readonly #orphans = new Set<string>()
  #isStopped = false

  constructor(parts: SessionDeadlinesParts) {
    this.#parts = parts
  }

  /** @param at milliseconds since the epoch; undefined for never */
  set(clientId: string, at: number | undefined): void {
    if (!this.#orphans.has(clientId)) this.#set(clientId, at)
  }

  /** Called when the node that owned the client has failed: its session is handled now. */
  setOrphan(clientId: string): void {
    this.#orphans.add(clientId)
    this.#set(clientId, this.#parts.timers.wallTime())
  }

  #set(clientId: string, at: number | undefined): void {
    this.#deadlines.remove(this.#byClient.get(clientId))
    this.#byClient.delete(clientId)
    if (at === undefined || this.#isStopped) return
    this.#byClient.set(clientId, this.#deadlines.add(clientId, at))
    this.#look()
  }

  /** Forgets all deadlines: other nodes handle them. */
  clear(): void {
    for (const deadline of this.#byClient.values()) this.#deadlines.remove(deadline)
    this.#byClient.clear()
    this.#orphans.clear()
  }

  stop(): void {
    this.#isStopped = true
    this.clear()
    this.#parts.timers.cancel(this.#timer)
  }

  #look(): void {
    const next = this.#deadlines.next()
    const { timers } = this.#parts
    if (next === undefined || this.#working.size >= AT_ONCE) return
    timers.schedule(this.#timer, Math.max(0, next - timers.wallTime()))
  }

  #start(): void {
    const now = this.#parts.timers.wallTime()
    while (this.#working.size < AT_ONCE) {
      const clientId = this.#deadlines.take(now)
      if (clientId === undefined) break
      this.#byClient.delete(clientId)
      this.#orphans.delete(clientId)
      this.#work(clientId)
    }
    this.#look()
  }

  async #work(clientId: string): Promise<void> {
    // it is being handled, and may have a new deadline afterwards
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
