/**
 * The filters that this node needs from all shards; updates the readers. Owns when a filter counts as subscribed; must
 * not know the subscriber.
 */
import type { LogCursor } from '../../../types/cluster.js'
import type { Signals } from '../signals.js'
import { filterTokens, LONG_TOPICS } from '../wire/subjects.js'
import { coverOf, covers, Interest } from './interest.js'
import type { ShardReader } from './shard-reader.js'

/** Filters added within this time are combined into one change of the consumers. */
const GATHER_MS = 5
/** How long an unused filter is still read, because clients often reconnect. */
const LINGER_MS = 1000

export interface NodeInterestParts {
  readonly readers: readonly ShardReader[]
  readonly signals: Signals
  /** The prefix of the log's subjects, by shard. */
  readonly bases: readonly string[]
  ends(): Promise<LogCursor>
  flush(): Promise<void>
}

export class NodeInterest {
  readonly #parts: NodeInterestParts
  readonly #interest = new Interest()
  /** The current filters of the readers. */
  #cover: readonly string[] = []
  /** The next filters of the readers, while they are being changed. */
  #next: readonly string[] | undefined
  #changing: Promise<void> | undefined
  #linger: NodeJS.Timeout | undefined

  constructor(parts: NodeInterestParts) {
    this.#parts = parts
  }

  async want(filter: string): Promise<LogCursor> {
    const subject = filterTokens(filter)
    if (this.#interest.add(subject)) this.#parts.signals.want(subject)
    // a broken connection is restored with all subscriptions
    const flushed = this.#parts.flush().catch(() => {})
    // it may be unwanted again before it is read
    while (this.#interest.has(subject) && !this.#isRead(subject)) await this.#change(GATHER_MS)
    await flushed
    return await this.#parts.ends()
  }

  unwant(filter: string): void {
    const subject = filterTokens(filter)
    if (!this.#interest.remove(subject)) return
    this.#parts.signals.unwant(subject)
    this.#linger ??= setTimeout(() => {
      this.#linger = undefined
      this.#change(0)
    }, LINGER_MS)
  }

  stop(): void {
    clearTimeout(this.#linger)
  }

  /** Whether the readers have the subject, now and after a pending change. */
  #isRead(subject: string): boolean {
    return covers(this.#cover, subject) && (this.#next === undefined || covers(this.#next, subject))
  }

  /** One change at a time; filters that are added before it begins are part of it. */
  #change(delayMs: number): Promise<void> {
    this.#changing ??= this.#carryOut(delayMs).finally(() => {
      this.#changing = undefined
    })
    return this.#changing
  }

  async #carryOut(delayMs: number): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, delayMs))
    const cover = this.#interest.isEmpty ? [] : coverOf([...this.#interest.subjects(), LONG_TOPICS])
    if (cover.join() === this.#cover.join()) return
    const { readers, bases } = this.#parts
    this.#next = cover
    await Promise.all(readers.map((reader, shard) => reader.want(cover.map(tokens => bases[shard] + tokens))))
    this.#cover = cover
    this.#next = undefined
  }
}
