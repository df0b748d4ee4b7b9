/**
 * One folder with an LMDB database, opened for one process: its tables, its counters and its schema version.
 * Owns opening, refusing and closing; knows what the tables are called, not what is in them.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { AnaxError } from '../errors.js'
import { checkFile } from './lmdb-file.js'

/** Raised whenever what lies in the tables changes its form. */
export const SCHEMA_VERSION = 1

const TABLES = [
  'sessions',
  'subscriptions',
  'incoming',
  'queues',
  'entries',
  'messages',
  'holders',
  'refs',
  'retained',
  'wills',
  'deadlines',
  'ended',
] as const

/** The name of a table. */
export type TableName = (typeof TABLES)[number]

/** What is counted, in the same transactions as what it counts. */
export interface Counters {
  /** The numbers that the next session and the next message get. */
  nextSession: number
  nextMessage: number
  queuedBytes: number
  retainedCount: number
  retainedBytes: number
  /** Clients with subscriptions, and their subscriptions with QoS above 0. */
  subscribers: number
  storableSubscriptions: number
}

interface Meta {
  schema: number
  counters: Counters
}

const META_TABLE = 'anax'
const META_KEY = Buffer.from('meta')
const OPTIONS = { encoding: 'msgpack', keyEncoding: 'binary', useRecords: false } as const

const NOTHING_COUNTED: Counters = {
  nextSession: 1,
  nextMessage: 1,
  queuedBytes: 0,
  retainedCount: 0,
  retainedBytes: 0,
  subscribers: 0,
  storableSubscriptions: 0,
}

/** Folders that this process has open: LMDB itself would let it open one twice. */
const openFolders = new Set<string>()

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

  /** Rows in the order of their keys, read at once. */
  rows(range: KeyRange & { limit: number }): Row<V>[] {
    return Array.from(this.#database.getRange(range)) as Row<V>[]
  }

  /** All values, for as long as nothing is awaited between them. */
  *values(): Generator<V, void, undefined> {
    for (const { value } of this.#database.getRange({})) yield value
  }
}

/** An open database. */
export class LmdbEnvironment {
  readonly counters: Counters
  readonly #root: RootDatabase
  readonly #meta: Table<Meta>
  readonly #folder: string
  readonly #tables = new Map<TableName, Table<unknown>>()

  private constructor(root: RootDatabase, folder: string) {
    this.#root = root
    this.#folder = folder
    this.#meta = root.transactionSync(() => {
      for (const name of TABLES) this.#tables.set(name, new Table(root.openDB<unknown, Buffer>(name, OPTIONS)))
      const meta = new Table(root.openDB<Meta, Buffer>(META_TABLE, OPTIONS))
      if (!meta.has(META_KEY)) meta.put(META_KEY, { schema: SCHEMA_VERSION, counters: NOTHING_COUNTED })
      return meta
    })
    this.counters = { ...this.#meta.get(META_KEY)!.counters }
  }

  /**
   * Opens a folder, which is created where it is missing.
   * @throws AnaxError ANAX_ERR_STORE_FORMAT, or ANAX_ERR_STORE where another process has it open
   */
  static async open(path: string): Promise<LmdbEnvironment> {
    const folder = resolve(path)
    const { open } = await loadPackage()
    if (openFolders.has(folder)) throw inUse(folder, 'this process')
    openFolders.add(folder)
    let root: RootDatabase | undefined
    try {
      mkdirSync(folder, { recursive: true })
      checkFile(folder)
      // A path with a dot would otherwise be taken for that of a file.
      root = open({ path: folder, noSubdir: false, maxDbs: TABLES.length + 2, eventTurnBatching: false })
      refuseSecondProcess(root, folder)
      refuseOtherSchema(root, folder)
      return new LmdbEnvironment(root, folder)
    } catch (error) {
      await root?.close()
      openFolders.delete(folder)
      throw error
    }
  }

  table<V>(name: TableName): Table<V> {
    return this.#tables.get(name) as Table<V>
  }

  /**
   * Runs changes in one transaction, which is aborted where they throw; with them go the counters.
   * Resolves when it is committed.
   */
  async transaction(changes: () => void): Promise<void> {
    const before = { ...this.counters }
    try {
      await this.#root.childTransaction(() => {
        changes()
        if (isSame(before, this.counters)) return
        this.#meta.put(META_KEY, { schema: SCHEMA_VERSION, counters: this.counters })
      })
    } catch (error) {
      Object.assign(this.counters, before)
      throw await reasonOf(error)
    }
  }

  /** Resolves when what was committed is on the disk. */
  async flushed(): Promise<void> {
    await this.#root.flushed
  }

  async close(): Promise<void> {
    await this.flushed()
    await this.#root.close()
    openFolders.delete(this.#folder)
  }
}

async function loadPackage(): Promise<typeof import('lmdb')> {
  try {
    return await import('lmdb')
  } catch (cause) {
    const detail = 'the package lmdb is not installed (npm install lmdb)'
    throw new AnaxError('ANAX_ERR_OPTION', { detail, cause })
  }
}

/** Each process that has read has a line in the table of readers; the kernel tells which of them live. */
function refuseSecondProcess(root: RootDatabase, folder: string): void {
  root.doesExist('')
  root.readerCheck()
  for (const line of root.readerList().split('\n')) {
    const pid = Number.parseInt(line, 10)
    if (Number.isInteger(pid) && pid !== process.pid) throw inUse(folder, `process ${pid}`)
  }
}

function refuseOtherSchema(root: RootDatabase, folder: string): void {
  const names = [...root.getKeys({ limit: TABLES.length + 2 })]
  if (names.length === 0) return
  if (!names.includes(META_TABLE)) throw otherFormat(`${folder} holds the data of something else`)
  const meta = root.openDB<Partial<Meta>, Buffer>(META_TABLE, OPTIONS).get(META_KEY)
  if (meta?.schema === SCHEMA_VERSION) return
  throw otherFormat(`${folder} has schema version ${meta?.schema}, this is version ${SCHEMA_VERSION}`)
}

function isSame(before: Counters, after: Counters): boolean {
  return (Object.keys(before) as (keyof Counters)[]).every(name => before[name] === after[name])
}

/** LMDB says what went wrong in a promise of its own. */
async function reasonOf(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<unknown> }).commitError
    return error
  } catch (reason) {
    return reason
  }
}

function inUse(folder: string, by: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: `${folder} is in use by ${by}`, scope: 'host' })
}

function otherFormat(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail })
}
