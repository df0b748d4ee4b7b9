/**
 * The sessions of the LMDB store: expiry, incoming packet ids, and the number that the keys of a session's other rows
 * contain. Knows no queue and no subscription. Methods that write must be called inside a change of the writer.
 */
import type { SessionChange, SessionDetails } from '../../../../types/persistence.js'
import { identityBytes } from '../../../model/metering/session-bytes.js'
import { isPlain, numberKey, type PacketRow, textIn, textKey } from '../engine/encoding.js'
import type { Counters, LmdbEnvironment } from '../engine/environment.js'
import type { RowCache } from '../engine/row-cache.js'
import type { Row, Table } from '../engine/table.js'
import { DeadlineKind, type LmdbDeadlines } from './deadlines.js'

/** In seconds. A session with this expiry never expires. */
const NEVER = 0xffff_ffff
const MAX_PACKET_IDS = 65_536
/** The fields of a client without a session. */
const NO_SESSION = { expiryInterval: undefined, expiresAt: undefined, details: undefined }

/** A session in the stored form. */
export type SessionRow = readonly [
  number: number,
  expiryInterval: number | null,
  expiresAt: number | null,
  /** Only if the key cannot hold it. */
  clientId?: string | null,
  details?: SessionDetails | null,
]

/** The record of one client. */
export interface SessionRecord {
  readonly clientId: string
  /** Part of all keys that belong to the session. It is never reused. */
  readonly number: number
  /** Undefined if only the base contract was used. Then it does not count as a session. */
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

  /** The number of sessions. */
  get size(): number {
    return this.#table.size
  }

  /** Up to `limit` sessions in key order, from a key on. */
  page(start: Buffer | undefined, limit: number): Row<SessionRecord>[] {
    const rows = this.#table.rows({ ...(start && { start }), limit })
    return rows.map(({ key, value }) => ({ key, value: recordOf(value[3] ?? textIn(key), value) }))
  }

  /** The record of a client, created if necessary. */
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
    const saved = { ...record, expiryInterval, expiresAt, details: details ?? record.details }
    this.#counters.sessionBytes += countedBytes(saved) - countedBytes(record)
    this.#put(saved)
    const due = { owner: textKey(clientId), clientId }
    if (expiresAt !== undefined) this.#deadlines.add(DeadlineKind.session, expiresAt, due)
    else if (expiryInterval !== NEVER) this.#deadlines.open(DeadlineKind.session, due)
  }

  delete(record: SessionRecord): void {
    this.#counters.sessionBytes -= countedBytes(record)
    this.#forgetDeadline(record)
    this.clearIncoming(record)
    this.#sessions.delete(record.clientId)
  }

  /**
   * Sets the deadlines of up to `limit` sessions that were connected at the crash.
   * @returns the number of these sessions
   */
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

  /** A stored packet, or null if only its id is stored. */
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

/** A client that only the base contract knows has no session. */
function countedBytes({ clientId, expiryInterval, details }: SessionRecord): number {
  return expiryInterval === undefined ? 0 : identityBytes(clientId, details)
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
