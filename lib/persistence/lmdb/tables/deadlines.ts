/**
 * The deadlines of the store in a table that sorts by time, and a list of what has no deadline while its client is
 * connected. Owns that index only. Callers know what is due and what to do.
 */
import { deadlineKey, ownerIn, timeIn } from '../engine/encoding.js'
import type { LmdbEnvironment } from '../engine/environment.js'
import type { Table } from '../engine/table.js'

/** Kinds of things that have deadlines. */
export const DeadlineKind = { session: 1, will: 2, queued: 3, retained: 4 } as const

/** The kind of a deadline. */
export type DeadlineKind = (typeof DeadlineKind)[keyof typeof DeadlineKind]

/** A deadline: the key of its owner, and the client if it belongs to one. */
export interface Due {
  owner: Buffer
  clientId: string
}

/** Added to the kind of things that wait for the end of a connection. */
const OPEN = 16
const ALL_KINDS = Object.values(DeadlineKind)
const EMPTY = Buffer.alloc(0)

/** Deadlines by kind and time. */
export class LmdbDeadlines {
  readonly #table: Table<string>
  #next: number | undefined
  #isKnown = false

  constructor(environment: LmdbEnvironment) {
    this.#table = environment.table('deadlines')
  }

  add(kind: DeadlineKind, at: number | undefined, { owner, clientId }: Due): void {
    if (at !== undefined) this.#table.put(deadlineKey(kind, at, owner), clientId)
  }

  remove(kind: DeadlineKind, at: number | undefined, owner: Buffer): void {
    if (at !== undefined) this.#table.delete(deadlineKey(kind, at, owner))
  }

  /** Adds something that has no deadline while its client is connected. */
  open(kind: DeadlineKind, { owner, clientId }: Due): void {
    this.#table.put(deadlineKey(kind + OPEN, 0, owner), clientId)
  }

  close(kind: DeadlineKind, owner: Buffer): void {
    this.#table.delete(deadlineKey(kind + OPEN, 0, owner))
  }

  /** Deadlines that begin when a connection ends. */
  opened(kind: DeadlineKind, limit: number): Due[] {
    return this.#rows(kind + OPEN, 0, limit)
  }

  /** Due deadlines, earliest first. */
  due(kind: DeadlineKind, now: number, limit: number): Due[] {
    return this.#rows(kind, now, limit)
  }

  /** The earliest deadline of all. */
  next(): number | undefined {
    if (!this.#isKnown) {
      const times = ALL_KINDS.map(kind => this.#first(kind)).filter(time => time !== undefined)
      this.#next = times.length === 0 ? undefined : Math.min(...times)
      this.#isKnown = true
    }
    return this.#next
  }

  /** Whether there are expired messages. */
  isDue(now: number): boolean {
    return [DeadlineKind.queued, DeadlineKind.retained].some(kind => this.due(kind, now, 1).length > 0)
  }

  /** Must be called after each commit. */
  changed(): void {
    this.#isKnown = false
  }

  #first(kind: DeadlineKind): number | undefined {
    const [row] = this.#table.rows({
      start: deadlineKey(kind, 0, EMPTY),
      end: deadlineKey(kind + 1, 0, EMPTY),
      limit: 1,
    })
    return row && timeIn(row.key)
  }

  #rows(kind: number, now: number, limit: number): Due[] {
    const start = deadlineKey(kind, 0, EMPTY)
    const end = deadlineKey(kind, Math.floor(now) + 1, EMPTY)
    return this.#table.rows({ start, end, limit }).map(({ key, value }) => ({ owner: ownerIn(key), clientId: value }))
  }
}
