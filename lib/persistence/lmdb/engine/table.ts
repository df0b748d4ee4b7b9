/**
 * One table of an LMDB database, as the parts of the store use it.
 * Owns what is used of the package `lmdb`, but for opening and transactions; knows no row.
 */

/** A row with its key. */
export interface Row<V> {
  key: Buffer
  value: V
}

/** From a key up to, not including, another one. */
export interface KeyRange {
  start?: Buffer
  end?: Buffer
  limit?: number
  reverse?: boolean
}

/** What is used of a table of `lmdb`: spelt out, as that package is optional and its types may not be there. */
export interface LmdbTable<V> {
  get(key: Buffer): V | undefined
  doesExist(key: Buffer): boolean
  putSync(key: Buffer, value: V): unknown
  removeSync(key: Buffer): unknown
  getRange(range: KeyRange): Iterable<Row<V>>
}

/** One table. Changes are made inside of transactions only. */
export class Table<V> {
  readonly #database: LmdbTable<V>

  constructor(database: LmdbTable<V>) {
    this.#database = database
  }

  get(key: Buffer): V | undefined {
    return this.#database.get(key)
  }

  has(key: Buffer): boolean {
    return this.#database.doesExist(key)
  }

  put(key: Buffer, value: V): void {
    this.#database.putSync(key, value)
  }

  delete(key: Buffer): void {
    this.#database.removeSync(key)
  }

  /** Rows in the order of their keys (`start` is where to begin, also in reverse), read at once. */
  rows(range: KeyRange & { limit: number }): Row<V>[] {
    return Array.from(this.#database.getRange(range)) as Row<V>[]
  }

  /** Rows in the order of their keys, each read when its turn comes; nothing may be awaited meanwhile. */
  scan(range: KeyRange): Iterable<Row<V>> {
    return this.#database.getRange(range)
  }

  /** The key of the last row. */
  lastKey(): Buffer | undefined {
    const [row] = this.rows({ reverse: true, limit: 1 })
    return row?.key
  }

  /** All values, for as long as nothing is awaited between them. */
  *values(): Generator<V, void, undefined> {
    for (const { value } of this.#database.getRange({})) yield value
  }
}
