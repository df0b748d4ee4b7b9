/**
 * Checks the data file of an LMDB store without LMDB, and without changing anything: its pages, its list of free pages,
 * the checksum of each record. Owns what is checked and how damage is reported; the store must not be in use.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { isWholeRecord, tableSeed } from '../engine/record.js'
import { TABLES, type TableName } from '../engine/table-names.js'
import { dataFileIn } from '../file/folder.js'
import { keyInWords } from './key-words.js'
import { DamagedPage, type Leaf } from './page.js'
import { FIRST_PAGE, PageReader } from './page-reader.js'
import { type KeyOrder, parseRoot, ROOT_BYTES, type TreeRoot, TreeWalk, type WalkDepth } from './tree.js'

/** How thoroughly a store is checked: only the pages that lead to the records, or each record as well. */
export type CheckDepth = 'quick' | 'full'

/** A damaged place. */
export interface Damage {
  /** Its table; undefined in parts of the file that all tables share. */
  readonly table: string | undefined
  /** The key of the record, or the first key of the damaged part, in readable form; undefined if unknown. */
  readonly key: string | undefined
  /** A description of the damage. */
  readonly what: string
}

/** The summary of a table. */
export interface TableReport {
  /** The number of undamaged records among those that were read. */
  whole: number
  /** The number of records with a wrong checksum. Records that cannot be reached do not count. */
  damaged: number
}

/** The result of a check. */
export interface CheckReport {
  /** The schema version; undefined if it could not be read. Version 1 has no checksums. */
  readonly schema: number | undefined
  readonly tables: Readonly<Record<string, TableReport>>
  /** The damaged places, at most 1000. */
  readonly damage: readonly Damage[]
}

const MAX_DAMAGE = 1000

// The meta pages
const META_BYTES = 168
const MAGIC_AT = 24
const VERSION_AT = 28
const FREE_ROOT_AT = 48
const MAIN_ROOT_AT = FREE_ROOT_AT + ROOT_BYTES
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152
const MAGIC = 0xbeef_c0de
const VERSION = 2
const META_FLAG = 8
/** The offset of the schema version's name in its record. */
const SCHEMA_AT = 4
/** Flags of the tree of free pages, whose keys are numbers; they include the flags of the file. */
const FREE_FLAGS = 8

/** Tables whose leaves a quick check reads as well: opening a store reads them. */
const READ_AT_OPENING: readonly string[] = ['anax', 'state', 'subscriptions'] satisfies (TableName | 'anax')[]

/**
 * Checks the data file in a folder.
 * @param onRecord called for each undamaged record
 * @throws the system's error if the file cannot be read
 */
export function checkFile(folder: string, depth: CheckDepth, onRecord?: RecordListener): CheckReport {
  const descriptor = openSync(dataFileIn(folder), 'r')
  try {
    return new FileCheck(descriptor, depth, onRecord).run()
  } finally {
    closeSync(descriptor)
  }
}

/** Receives an undamaged record, with its encoded value. */
export type RecordListener = (table: string, key: Buffer, encoded: Buffer) => void

class FileCheck {
  readonly #descriptor: number
  readonly #depth: CheckDepth
  readonly #onRecord: RecordListener | undefined
  readonly #tables: Record<string, TableReport> = {}
  readonly #damage: Damage[] = []
  #schema: number | undefined

  constructor(descriptor: number, depth: CheckDepth, onRecord: RecordListener | undefined) {
    this.#descriptor = descriptor
    this.#depth = depth
    this.#onRecord = onRecord
  }

  run(): CheckReport {
    try {
      this.#checkTrees()
    } catch (error) {
      if (!(error instanceof DamagedPage)) throw error
      this.#note(undefined, error.message, undefined)
    }
    return { schema: this.#schema, tables: this.#tables, damage: this.#damage }
  }

  #checkTrees(): void {
    const { reader, free, main } = this.#openFile()
    const roots = new Map<string, TreeRoot>()
    this.#walk(reader, main, undefined, 'leaves', bytesInOrder, (key, value, leaf) => {
      if (!leaf.isTree) throw new DamagedPage('a record where a table should be')
      const root = parseRoot(value)
      if (root.flags !== 0) throw new DamagedPage('a table with unknown flags')
      roots.set(nameIn(key), root)
    })
    // A database without tables is a new one.
    if (roots.size > 0) this.#readSchema(reader, roots.get('anax'))
    for (const [name, root] of roots) if (name !== 'anax') this.#checkTable(reader, name, root)
    this.#checkFreePages(reader, free)
  }

  /** Both meta pages are read, as LMDB may take either. @throws DamagedPage */
  #openFile(): { reader: PageReader; free: TreeRoot; main: TreeRoot } {
    const pageBytes = this.#read(0, META_BYTES).readUInt32LE(FREE_ROOT_AT)
    if (pageBytes < 1024 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
      throw new DamagedPage('the first page has no valid page size')
    }
    const pages = Math.floor(fstatSync(this.#descriptor).size / pageBytes)
    const metas = [0, 1].map(page => this.#parseMeta(this.#read(page * pageBytes, META_BYTES), page, pageBytes))
    const [first, second] = metas as [Meta, Meta]
    const latest = first.transaction > second.transaction ? first : second
    // Pages at the end may be missing if they were allocated and freed without being written.
    if (!(latest.lastPage < 2 * pages + MAX_UNWRITTEN_PAGES)) throw new DamagedPage('the file is too short')
    return { reader: new PageReader(this.#descriptor, { pageBytes, ...latest }), ...latest }
  }

  #parseMeta(bytes: Buffer, page: number, pageBytes: number): Meta {
    const isMeta = bytes.readUInt32LE(MAGIC_AT) === MAGIC && (bytes.readUInt32LE(VERSION_AT) & 0xffff) === VERSION
    const isPage = bytes.readBigUInt64LE(0) === BigInt(page) && bytes.readUInt16LE(18) === META_FLAG
    if (!isMeta || !isPage || bytes.readUInt32LE(FREE_ROOT_AT) !== pageBytes) {
      throw new DamagedPage(`page ${page} is not a valid meta page`)
    }
    const free = parseRoot(bytes.subarray(FREE_ROOT_AT, FREE_ROOT_AT + ROOT_BYTES))
    const main = parseRoot(bytes.subarray(MAIN_ROOT_AT, MAIN_ROOT_AT + ROOT_BYTES))
    if ((free.flags & FREE_FLAGS) === 0 || main.flags !== 0) throw new DamagedPage(`page ${page} has unknown flags`)
    const transaction = bytes.readBigUInt64LE(TRANSACTION_AT)
    return { free, main, transaction, lastPage: Number(bytes.readBigUInt64LE(LAST_PAGE_AT)) }
  }

  /** The one record without a checksum. */
  #readSchema(reader: PageReader, root: TreeRoot | undefined): void {
    if (root === undefined) throw new DamagedPage('there is no table with the schema version')
    this.#walk(reader, root, 'anax', 'leaves', bytesInOrder, (_key, value) => {
      // in MessagePack, a map that begins with this name and a small number
      const name = value.indexOf('schema')
      const number = name === SCHEMA_AT ? value[name + 'schema'.length] : undefined
      if (number !== undefined && number < 0x80) this.#schema = number
    })
    if (this.#schema === undefined) this.#note('anax', 'the schema version cannot be read', undefined)
  }

  #checkTable(reader: PageReader, name: string, root: TreeRoot): void {
    if (!(TABLES as readonly string[]).includes(name)) this.#note(name, 'there is no such table', undefined)
    const depth = this.#depth === 'full' || READ_AT_OPENING.includes(name) ? 'leaves' : 'branches'
    const report: TableReport = { whole: 0, damaged: 0 }
    this.#tables[name] = report
    const seed = tableSeed(name)
    this.#walk(reader, root, name, depth, bytesInOrder, (key, value, leaf) => {
      if (leaf.isTree) throw new DamagedPage('a table where a record should be')
      if (this.#schema === 1 || isWholeRecord(seed, key, value, value.length)) {
        report.whole++
        this.#onRecord?.(name, key, value)
      } else {
        report.damaged++
        this.#note(name, 'the checksum is wrong', key)
      }
    })
  }

  /** Checks that no page in use is listed as free: LMDB would overwrite it. */
  #checkFreePages(reader: PageReader, root: TreeRoot): void {
    const isWhole = this.#damage.length === 0
    this.#walk(reader, root, undefined, 'leaves', numbersInOrder, (_key, value) => {
      const entries = value.length >= 8 ? Number(value.readBigUInt64LE(0)) : Number.NaN
      if (!(entries >= 0 && entries <= value.length / 8 - 1)) throw new DamagedPage('a list of free pages is truncated')
      for (let i = 1; i <= entries; i++) {
        const entry = Number(value.readBigInt64LE(8 * i))
        if (entry === 0) continue
        const pages = entry < 0 ? -entry : 1
        const first = entry < 0 && ++i <= entries ? Number(value.readBigInt64LE(8 * i)) : entry
        if (isWhole) reader.claim(first, pages)
        else if (!(first >= FIRST_PAGE)) throw new DamagedPage('a list of free pages has an invalid page')
      }
    })
  }

  #walk(
    reader: PageReader,
    root: TreeRoot,
    table: string | undefined,
    depth: WalkDepth,
    order: KeyOrder,
    record: (key: Buffer, value: Buffer, leaf: Leaf) => void,
  ): void {
    const damage = (what: string, key: Buffer | undefined) => this.#note(table, what, key)
    new TreeWalk(reader, root, order, { record, damage }, depth).run()
  }

  #note(table: string | undefined, what: string, key: Buffer | undefined): void {
    if (this.#damage.length >= MAX_DAMAGE) return
    this.#damage.push({ table, key: key === undefined ? undefined : keyInWords(table, key), what })
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.#descriptor, bytes, 0, length, at)
    return bytes
  }
}

interface Meta {
  readonly free: TreeRoot
  readonly main: TreeRoot
  readonly transaction: bigint
  readonly lastPage: number
}

const MAX_UNWRITTEN_PAGES = 256

/** LMDB ends the name of a table with a zero byte. */
function nameIn(key: Buffer): string {
  return key.toString('latin1').replace(/\0$/, '')
}

function bytesInOrder(a: Buffer, b: Buffer): number {
  return Buffer.compare(a, b)
}

function numbersInOrder(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) throw new DamagedPage('a key is not a number')
  const [one, other] = [a.readBigUInt64LE(), b.readBigUInt64LE()]
  return one < other ? -1 : one > other ? 1 : 0
}
