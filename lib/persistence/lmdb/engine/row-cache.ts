/**
 * Caches the rows of one table during a transaction: each row is read once and written once, however many changes use
 * it. Between transactions it is empty.
 */
import type { Table } from './table.js'

/** A table whose rows are found by an id. Changes are allowed inside transactions only. */
export class RowCache<K extends number | string, V> {
  readonly #table: Table<V>
  readonly #keyOf: (id: K) => Buffer
  readonly #rows = new Map<K, V | undefined>()
  readonly #changed = new Set<K>()
  #isInTransaction = false

  constructor(table: Table<V>, keyOf: (id: K) => Buffer) {
    this.#table = table
    this.#keyOf = keyOf
  }

  get(id: K): V | undefined {
    if (!this.#isInTransaction) return this.#table.get(this.#keyOf(id))
    const row = this.#rows.get(id)
    if (row !== undefined || this.#rows.has(id)) return row
    const read = this.#table.get(this.#keyOf(id))
    this.#rows.set(id, read)
    return read
  }

  put(id: K, row: V): void {
    this.#rows.set(id, row)
    this.#changed.add(id)
  }

  delete(id: K): void {
    this.#rows.set(id, undefined)
    this.#changed.add(id)
  }

  /** Must be called when a transaction begins. */
  begin(): void {
    this.#isInTransaction = true
  }

  /** Writes the changed rows. Must be called before a transaction is committed. */
  write(): void {
    for (const id of this.#changed) {
      const row = this.#rows.get(id)
      if (row === undefined) this.#table.delete(this.#keyOf(id))
      else this.#table.put(this.#keyOf(id), row)
    }
  }

  /** Must be called when a transaction has ended, committed or not. */
  end(): void {
    this.#isInTransaction = false
    this.#rows.clear()
    this.#changed.clear()
  }
}
