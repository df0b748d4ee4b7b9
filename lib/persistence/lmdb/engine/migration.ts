/**
 * Migrates a database of schema version 1 to version 2, inside the transaction that opens it: either all of it is
 * migrated, or nothing. Version 2 added checksums to the records, moved the counters into a table, and completed fields
 * that version 1 omitted from some rows.
 */
import { behind, isPlain, numberIn, numberKey, ownerIn } from './encoding.js'
import { DamagedRecord, RecordCodec, type ValueEncoder } from './record.js'
import type { TableName } from './table-names.js'

/** The schema version to migrate from. */
export const MIGRATED_VERSION = 1

/** The used members of an `lmdb` table. */
interface Database {
  putSync(key: Buffer, value: Buffer): unknown
  getRange(range: { start?: Buffer; end?: Buffer; limit?: number }): Iterable<{ key: Buffer; value: Buffer }>
}

const COMPLETE_QUEUE_ROW = 6
/** Rows read before they are written. */
const PAGE = 1000

/** Version 1 of the table that names the schema. */
interface OldMeta {
  counters: object
}

/**
 * Migrates all tables.
 * @param meta the row of version 1 that has the counters
 * @param databases all tables of version 2, as bytes
 */
export function migrate(meta: unknown, databases: ReadonlyMap<TableName, Database>, encoder: ValueEncoder): void {
  new Migration(databases, encoder).run(meta as OldMeta)
}

class Migration {
  readonly #databases: ReadonlyMap<TableName, Database>
  readonly #encoder: ValueEncoder

  constructor(databases: ReadonlyMap<TableName, Database>, encoder: ValueEncoder) {
    this.#databases = databases
    this.#encoder = encoder
  }

  /** `sessions` and `queues` read tables that come after them, so these are not migrated yet. */
  run({ counters }: OldMeta): void {
    this.#convert('sessions', (key, row) => this.#sessionRow(key, row))
    this.#convert('queues', (key, row) => this.#queueRow(key, row))
    for (const name of this.#databases.keys()) {
      if (name !== 'sessions' && name !== 'queues') this.#convert(name, (_key, row) => row)
    }
    const key = Buffer.from('counters')
    this.#table('state').putSync(key, this.#codec('state').wrap(key, this.#encoded(counters)))
  }

  /** Rewrites each row of a table. The row is passed and returned as MessagePack. */
  #convert(name: TableName, convert: (key: Buffer, row: Buffer) => Buffer): void {
    const table = this.#table(name)
    const codec = this.#codec(name)
    for (let start: Buffer | undefined = Buffer.alloc(1); start !== undefined; ) {
      const page: { key: Buffer; value: Buffer }[] = Array.from(table.getRange({ start, limit: PAGE }))
      for (const { key, value } of page) table.putSync(key, codec.wrap(key, convert(key, value)))
      const last: Buffer | undefined = page.length === PAGE ? page.at(-1)?.key : undefined
      start = last && behind(last)
    }
  }

  /** Early files of version 1 do not have the counts of sent messages. */
  #queueRow(key: Buffer, row: Buffer): Buffer {
    const queue = this.#decoded(row)
    if (!Array.isArray(queue)) throw new DamagedRecord('queues', key)
    if (queue.length >= COMPLETE_QUEUE_ROW) return row
    const [messages = 0, bytes = 0] = queue
    const state = { sentUpTo: 0, sentMessages: 0, sentBytes: 0 }
    const session = numberIn(key, 0)
    const range = { start: numberKey(session, 0), end: numberKey(session + 1) }
    for (const entry of this.#table('entries').getRange(range)) {
      const [packetId, , , entryBytes] = this.#decoded(entry.value) as [number | null, unknown, unknown, number]
      if (packetId === null) continue
      state.sentUpTo = numberIn(entry.key, 1)
      state.sentMessages++
      state.sentBytes += entryBytes
    }
    return this.#encoded([messages, bytes, state.sentUpTo, state.sentMessages, state.sentBytes, 0])
  }

  /** The key of a long client id contains only a part of it, so version 2 has the id in the row. */
  #sessionRow(key: Buffer, row: Buffer): Buffer {
    if (isPlain(key)) return row
    const session = this.#decoded(row) as [number: number, expiryInterval: number | null, expiresAt: number | null]
    return this.#encoded([...session, this.#clientIdAt(key, session[0]), null])
  }

  /** The client id of a session, if one of its other rows has it. */
  #clientIdAt(key: Buffer, session: number): string | null {
    const range = { start: numberKey(session), end: numberKey(session + 1), limit: 1 }
    for (const { value } of this.#table('subscriptions').getRange(range)) return (this.#decoded(value) as [string])[0]
    for (const { key: deadline, value } of this.#table('deadlines').getRange({})) {
      if (ownerIn(deadline).equals(key)) return this.#decoded(value) as string
    }
    return null
  }

  #table(name: TableName): Database {
    return this.#databases.get(name)!
  }

  #codec(name: TableName): RecordCodec {
    return new RecordCodec(this.#encoder, name)
  }

  #decoded(row: Buffer): unknown {
    return this.#encoder.decode(row, {})
  }

  #encoded(row: unknown): Buffer {
    return this.#encoder.encode(row)
  }
}
