/**
 * One table of an LMDB database, as the parts of the store use it.
 * Owns how the package `lmdb` is used, apart from opening and transactions, and that each record is checked as it is
 * read; knows no row.
 */
import type { RecordCodec } from './record.js'

/** A row with its key. */
export interface Row<V> {
  key: Buffer
  value: V
}

/** Keys from `start` up to, but not including, `end`. */
export interface KeyRange {
  start?: Buffer
  end?: Buffer
  limit?: number
  reverse?: boolean
}

/** The used part of a table of `lmdb`, spelt out because that package is optional and its types may be missing. */
export interface LmdbTable {
  /** The bytes under a key, valid until the next call. */
  getBinaryFast(key: Buffer): Uint8Array | undefined
  doesExist(key: Buffer): boolean
  putSync(key: Buffer, value: Buffer): unknown
  removeSync(key: Buffer): unknown
  getRange(range: KeyRange): Iterable<Row<Buffer>>
  getStats(): unknown
}

/** One table. Changes are allowed inside transactions only. Reads throw DamagedRecord for a damaged record. */
export class Table<V> {
  readonly #database: LmdbTable
  readonly #codec: RecordCodec

  constructor(database: LmdbTable, codec: RecordCodec) {
    this.#database = database
    this.#codec = codec
  }

  get(key: Buffer): V | undefined {
    const bytes = this.#database.getBinaryFast(key)
    return bytes === undefined ? undefined : this.#decode(key, bytes)
  }

  has(key: Buffer): boolean {
    return this.#database.doesExist(key)
  }

  put(key: Buffer, value: V): void {
    this.#database.putSync(key, this.#codec.encode(key, value))
  }

  delete(key: Buffer): void {
    this.#database.removeSync(key)
  }

  /** Rows in key order, read in one step. In reverse order, `start` is also the key to begin with. */
  rows(range: KeyRange & { limit: number }): Row<V>[] {
    return Array.from(this.#database.getRange(range), row => this.#decodeRow(row))
  }

  /** Rows in key order, read one by one. The caller must not await in between. */
  *scan(range: KeyRange): Generator<Row<V>, void, undefined> {
    for (const row of this.#database.getRange(range)) yield this.#decodeRow(row)
  }

  /** The number of rows, as of the last commit. */
  get size(): number {
    return (this.#database.getStats() as { entryCount: number }).entryCount
  }

  /** The key of the last row. */
  lastKey(): Buffer | undefined {
    const [row] = this.rows({ reverse: true, limit: 1 })
    return row?.key
  }

  /** All values. The caller must not await in between. */
  *values(): Generator<V, void, undefined> {
    for (const { value } of this.scan({})) yield value
  }

  #decodeRow({ key, value }: Row<Buffer>): Row<V> {
    return { key, value: this.#decode(key, value) }
  }

  #decode(key: Buffer, bytes: Uint8Array): V {
    return this.#codec.decode(key, bytes, bytes.length) as V
  }
}
