/**
 * The sessions in the LMDB store: expiry, incoming packet ids, and the number by which a session's other rows are
 * found. Its methods that change something are called by changes of the writer. Knows no queue and no subscription.
 */
import type { SessionChange, SessionDetails } from '../../../../types/persistence.js'
import { isPlain, numberKey, type PacketRow, textIn, textKey } from '../engine/encoding.js'
import type { Counters, LmdbEnvironment } from '../engine/environment.js'
import type { RowCache } from '../engine/row-cache.js'
import type { Row, Table } from '../engine/table.js'
import { DeadlineKind, type LmdbDeadlines } from './deadlines.js'

/** Seconds; such a session stays until it is deleted. */
const NEVER = 0xffff_ffff
const MAX_PACKET_IDS = 65_536
/** What a client is that has no session. */
const NO_SESSION = { expiryInterval: undefined, expiresAt: undefined, details: undefined }

/** A session as it is kept. */
export type SessionRow = readonly [
  number: number,
  expiryInterval: number | null,
  expiresAt: number | null,
  /** Only where the key is too short for it. */
  clientId?: string | null,
  details?: SessionDetails | null,
]

/** What is kept of one client. */
export interface SessionRecord {
  readonly clientId: string
  /** Its part of the keys of what belongs to it; no other session ever had it. */
  readonly number: number
  /** Undefined where only the base contract was used: then it is no session yet. */
  expiryInterval: number | undefined
  expiresAt: number | undefined
  details: SessionDetails | undefined
}

/** Sessions by client id. */
export class LmdbSessions {
  readonly #sessions: RowCache<string, SessionRow>
  readonly #table: Table<SessionRow>
  readonly #incoming: Table<PacketRow | null>
  readonly #deadlines: LmdbDeadlines
  readonly #counters: Counters

  constructor(environment: LmdbEnvironment, deadlines: LmdbDeadlines) {
    this.#sessions = environment.cached('sessions', textKey)
    this.#table = environment.table('sessions')
    this.#incoming = environment.table('incoming')
    this.#deadlines = deadlines
    this.#counters = environment.counters
  }

  find(clientId: string): SessionRecord | undefined {
    const row = this.#sessions.get(clientId)
    return row && recordOf(clientId, row)
  }

  /** Sessions in the order of their keys, from a key on, at most `limit`. */
  page(start: Buffer | undefined, limit: number): Row<SessionRecord>[] {
    const rows = this.#table.rows({ ...(start && { start }), limit })
    return rows.map(({ key, value }) => ({ key, value: recordOf(value[3] ?? textIn(key), value) }))
  }

  /** What is kept of a client, if only from now on. */
  obtain(clientId: string): SessionRecord {
    const found = this.find(clientId)
    if (found !== undefined) return found
    const number = this.#counters.nextSession++
    const created: SessionRecord = { clientId, number, ...NO_SESSION }
    this.#put(created)
    return created
  }

  save({ clientId, expiryInterval, expiresAt, details }: SessionChange): void {
    const record = this.obtain(clientId)
    this.#forgetDeadline(record)
    this.#put({ ...record, expiryInterval, expiresAt, details: details ?? record.details })
    const due = { owner: textKey(clientId), clientId }
    if (expiresAt !== undefined) this.#deadlines.add(DeadlineKind.session, expiresAt, due)
    else if (expiryInterval !== NEVER) this.#deadlines.open(DeadlineKind.session, due)
  }

  delete(record: SessionRecord): void {
    this.#forgetDeadline(record)
    this.clearIncoming(record)
    this.#sessions.delete(record.clientId)
  }

  /** Gives their deadlines to sessions that were left as connected, at most `limit`. @returns how many there were */
  recover(now: number, limit: number): number {
    const opened = this.#deadlines.opened(DeadlineKind.session, limit)
    for (const { clientId } of opened) {
      const { expiryInterval } = this.obtain(clientId)
      this.save({ clientId, expiryInterval: expiryInterval!, expiresAt: now + expiryInterval! * 1000 })
    }
    return opened.length
  }

  incoming({ number }: SessionRecord): number[] {
    return this.#incomingRows(number).map(({ key }) => key.readUInt16BE(key.length - 2))
  }

  hasIncoming({ number }: SessionRecord): boolean {
    const range = { start: numberKey(number), end: numberKey(number + 1), limit: 1 }
    return this.#incoming.rows(range).length > 0
  }

  addIncoming({ number }: SessionRecord, packetId: number, packet: PacketRow | null): void {
    this.#incoming.put(incomingKey(number, packetId), packet)
  }

  /** A packet that is noted; null where only its id is. */
  getIncoming({ number }: SessionRecord, packetId: number): PacketRow | null | undefined {
    return this.#incoming.get(incomingKey(number, packetId))
  }

  removeIncoming({ number }: SessionRecord, packetId: number): void {
    this.#incoming.delete(incomingKey(number, packetId))
  }

  clearIncoming({ number }: SessionRecord): void {
    for (const { key } of this.#incomingRows(number)) this.#incoming.delete(key)
  }

  #incomingRows(number: number) {
    return this.#incoming.rows({ start: numberKey(number), end: numberKey(number + 1), limit: MAX_PACKET_IDS })
  }

  #put({ clientId, number, expiryInterval, expiresAt, details }: SessionRecord): void {
    const id = isPlain(textKey(clientId)) ? null : clientId
    this.#sessions.put(clientId, [number, expiryInterval ?? null, expiresAt ?? null, id, details ?? null])
  }

  #forgetDeadline({ clientId, expiresAt }: SessionRecord): void {
    const owner = textKey(clientId)
    if (expiresAt !== undefined) this.#deadlines.remove(DeadlineKind.session, expiresAt, owner)
    else this.#deadlines.close(DeadlineKind.session, owner)
  }
}

function incomingKey(number: number, packetId: number): Buffer {
  const key = Buffer.alloc(8)
  numberKey(number).copy(key)
  key.writeUInt16BE(packetId, 6)
  return key
}

/** The session in a row. */
export function recordOf(clientId: string, row: SessionRow): SessionRecord {
  const [number, expiryInterval, expiresAt, , details] = row
  return {
    clientId,
    number,
    expiryInterval: expiryInterval ?? undefined,
    expiresAt: expiresAt ?? undefined,
    details: details ?? undefined,
  }
}
