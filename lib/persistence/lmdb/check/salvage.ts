/**
 * Reads the undamaged records of a damaged LMDB store, and assembles sessions, queues, wills and retained messages from
 * them. Reads the file without LMDB, keeps everything in memory, and changes nothing.
 */
import type { Message } from '../../../../types/message/message.js'
import type { QueuedMessage, ScheduledWill, StoredSession } from '../../../../types/persistence.js'
import { filterMatches } from '../../../topic/topic.js'
import { type MessageRow, messageOf, numberIn, textIn } from '../engine/encoding.js'
import type { ValueEncoder } from '../engine/record.js'
import { type EntryRow, queuedMessageOf } from '../tables/queues.js'
import { messageIn, type RetainedRow } from '../tables/retained.js'
import { recordOf, type SessionRow } from '../tables/sessions.js'
import { type SubscriptionRow, subscriptionOf } from '../tables/subscriptions.js'
import { type WillRow, willIn } from '../tables/wills.js'
import { type CheckReport, checkFile } from './check.js'

/** Seconds; a session whose own record is damaged does not expire. */
const NEVER_EXPIRES = 0xffff_ffff

/** Sessions come first, because the others refer to them. */
const TABLES_IN_ORDER = ['sessions', 'subscriptions', 'incoming', 'entries', 'messages', 'wills', 'retained']

/** The readable part of a store, for an export. */
export class SalvagedStore {
  readonly sessionPersistence = 1
  /** The detected damage. */
  readonly report: CheckReport
  readonly #sessions = new Map<number, StoredSession>()
  readonly #entries = new Map<number, { message: number; row: EntryRow }[]>()
  readonly #messages = new Map<number, MessageRow>()
  readonly #wills: ScheduledWill[] = []
  readonly #retained: Message[] = []

  /** @param decoder of the values */
  constructor(folder: string, decoder: Pick<ValueEncoder, 'decode'>) {
    const found = new Map<string, { key: Buffer; encoded: Buffer }[]>(TABLES_IN_ORDER.map(name => [name, []]))
    this.report = checkFile(folder, 'full', (table, key, encoded) => found.get(table)?.push({ key, encoded }))
    for (const [table, rows] of found) {
      for (const { key, encoded } of rows) {
        const decoded = decoder.decode(encoded, {})
        // Records of schema version 2 are pairs of a value and its checksum.
        this.#add(table, key, this.report.schema === 1 ? decoded : (decoded as [unknown])[0])
      }
    }
  }

  *sessions(): Generator<StoredSession, void, undefined> {
    yield* this.#sessions.values()
  }

  *queued(clientId: string): Generator<QueuedMessage, void, undefined> {
    for (const [number, session] of this.#sessions) {
      if (session.clientId !== clientId) continue
      for (const { message, row } of this.#entries.get(number) ?? []) {
        const content = this.#messages.get(message)
        const queued = queuedMessageOf(clientId, row, content && messageOf(content))
        if (queued !== undefined) yield queued
      }
    }
  }

  *wills(): Generator<ScheduledWill, void, undefined> {
    yield* this.#wills
  }

  *retained(filters: readonly string[]): Generator<Message, void, undefined> {
    for (const message of this.#retained) {
      if (filters.some(filter => filterMatches(filter, message.topic))) yield message
    }
  }

  #add(table: string, key: Buffer, value: unknown): void {
    if (table === 'sessions') this.#addSession(key, value as SessionRow)
    else if (table === 'subscriptions') this.#addSubscription(numberIn(key, 0), value as SubscriptionRow)
    else if (table === 'incoming') this.#sessions.get(numberIn(key, 0))?.incoming.push(key.readUInt16BE(key.length - 2))
    else if (table === 'entries') this.#addEntry(numberIn(key, 0), numberIn(key, 1), value as EntryRow)
    else if (table === 'messages') this.#messages.set(numberIn(key, 0), value as MessageRow)
    else if (table === 'wills') this.#addWill(key, value as WillRow)
    else if (table === 'retained') this.#retained.push(messageIn(value as RetainedRow))
  }

  #addSession(key: Buffer, row: SessionRow): void {
    const { clientId, number, expiryInterval, expiresAt, details } = recordOf(row[3] ?? textIn(key), row)
    if (expiryInterval === undefined) return
    const session: StoredSession = { clientId, expiryInterval, expiresAt, subscriptions: [], incoming: [] }
    if (details !== undefined) session.details = details
    this.#sessions.set(number, session)
  }

  #addSubscription(number: number, row: SubscriptionRow): void {
    const { clientId, ...subscription } = subscriptionOf(row)
    const session = this.#sessions.get(number) ?? {
      clientId,
      expiryInterval: NEVER_EXPIRES,
      expiresAt: undefined,
      subscriptions: [],
      incoming: [],
    }
    session.subscriptions.push(subscription)
    this.#sessions.set(number, session)
  }

  #addEntry(session: number, message: number, row: EntryRow): void {
    const entries = this.#entries.get(session) ?? []
    entries.push({ message, row })
    this.#entries.set(session, entries)
  }

  #addWill(key: Buffer, row: WillRow): void {
    const will = willIn(row)
    this.#wills.push({ clientId: will.clientId ?? textIn(key), will, dueAt: row[0] ?? undefined })
  }
}
