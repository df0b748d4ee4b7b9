/**
 * One folder with an LMDB database, opened for one process: its tables, its counters and its schema version.
 * Owns opening, refusing and closing. Knows the names of the tables, not their content.
 */
import type { RootDatabase } from 'lmdb'
import { clearImmediate, setImmediate } from '../../../util/scheduling/set-immediate.js'
import type { CheckDepth } from '../check/check.js'
import { verify } from '../check/verify.js'
import { bootId } from '../file/boot.js'
import { copyDatabase } from '../file/copy.js'
import { LmdbFile } from '../file/file.js'
import { checkFolder, dataFileIn, inUse, makeFolder, notOpened, otherFormat } from '../file/folder.js'
import { callbackCame, expectCallback } from './exit.js'
import { areTimersFake } from './fake-timers.js'
import { LmdbFlusher } from './flusher.js'
import { MIGRATED_VERSION, migrate } from './migration.js'
import { loadPackage } from './package.js'
import { RecordCodec, type ValueEncoder } from './record.js'
import { RowCache } from './row-cache.js'
import { Table } from './table.js'
import { TABLES, type TableName } from './table-names.js'

/** Incremented with every change of the stored format. Version 1 is migrated when it is opened. */
export const SCHEMA_VERSION = 2

/** Counters, changed in the same transactions as what they count. */
export interface Counters {
  /** The numbers for the next session and the next message. */
  nextSession: number
  nextMessage: number
  /** Bytes of identifiers, user names and filters. */
  sessionBytes: number
  queuedBytes: number
  retainedCount: number
  retainedBytes: number
  /** Clients with subscriptions, and their subscriptions with QoS above 0. */
  subscribers: number
  storableSubscriptions: number
}

/** The one record without a checksum, so that every version can read it: any other content is refused. */
interface Meta {
  schema: number
}

const META_TABLE = 'anax'
const META_KEY = Buffer.from('meta')
const COUNTERS_KEY = Buffer.from('counters')
const META_OPTIONS = { encoding: 'msgpack', keyEncoding: 'binary', useRecords: false } as const
const TABLE_OPTIONS = { encoding: 'binary', keyEncoding: 'binary' } as const

const NOTHING_COUNTED: Counters = {
  nextSession: 1,
  nextMessage: 1,
  sessionBytes: 0,
  queuedBytes: 0,
  retainedCount: 0,
  retainedBytes: 0,
  subscribers: 0,
  storableSubscriptions: 0,
}

/** How thoroughly a store is verified before it is opened. */
export type Verification = CheckDepth | 'off'

const OPEN_FOLDERS = Symbol.for('anax.lmdb.openFolders')

/**
 * Folders that this process has open. LMDB itself would open a folder twice. All copies of this package in the process
 * (a module and a CommonJS one, or two releases) use the same set.
 */
const openFolders: Set<string> = (globalThis as { [OPEN_FOLDERS]?: Set<string> })[OPEN_FOLDERS] ?? new Set()
Object.assign(globalThis, { [OPEN_FOLDERS]: openFolders })

/** An open database. */
export class LmdbEnvironment {
  readonly counters: Counters
  /**
   * Whether committed data survives a crash without a flush. That needs a way to tell whether the machine restarted.
   */
  readonly outlivesProcess: boolean
  readonly #root: RootDatabase
  readonly #flusher: LmdbFlusher
  readonly #state: Table<Counters>
  readonly #folder: string
  readonly #tables = new Map<TableName, Table<unknown>>()
  readonly #caches: Pick<RowCache<never, never>, 'begin' | 'write' | 'end'>[] = []

  private constructor(root: RootDatabase, flusher: LmdbFlusher, folder: string, boot: string | undefined) {
    this.outlivesProcess = boot !== undefined
    this.#root = root
    this.#flusher = flusher
    this.#folder = folder
    flusher.beginTransaction()
    this.#state = root.transactionSync(() => this.#openTables(root))
    flusher.endTransaction()
    this.counters = { ...NOTHING_COUNTED, ...this.#state.get(COUNTERS_KEY) }
  }

  /**
   * Opens a folder, which is created if it does not exist.
   * @param verification how thoroughly a file is verified before LMDB opens it
   * @throws AnaxError ANAX_ERR_STORE_FORMAT, or ANAX_ERR_STORE if another process has it open
   */
  static async open(path: string, verification: Verification): Promise<LmdbEnvironment> {
    const { open } = await loadPackage<typeof import('lmdb')>()
    const folder = makeFolder(path)
    if (openFolders.has(folder)) throw inUse(folder, 'this process')
    openFolders.add(folder)
    let root: RootDatabase | undefined
    let flusher: LmdbFlusher | undefined
    try {
      const boot = bootId()
      const isNew = checkFolder(folder, boot) === 'new'
      if (!isNew && verification !== 'off') await verify(folder, verification)
      // Without `noSubdir`, lmdb treats a path with a dot as a file.
      root = open({ path: folder, noSubdir: false, maxDbs: TABLES.length + 2, eventTurnBatching: false, noSync: true })
      refuseSecondProcess(root, folder)
      refuseOtherSchema(root, folder)
      flusher = await openFlusher(root, folder, boot)
      return new LmdbEnvironment(root, flusher, folder, boot)
    } catch (error) {
      await flusher?.close().catch(() => {})
      await root?.close()
      openFolders.delete(folder)
      throw notOpened(folder, error)
    }
  }

  table<V>(name: TableName): Table<V> {
    return this.#tables.get(name) as Table<V>
  }

  /** A table whose rows are shared by many changes of one transaction. */
  cached<K extends number | string, V>(name: TableName, keyOf: (id: K) => Buffer): RowCache<K, V> {
    const cache = new RowCache<K, V>(this.table<V>(name), keyOf)
    this.#caches.push(cache)
    return cache
  }

  /**
   * Runs changes in one transaction. If they throw, it is aborted, and the counters are restored.
   * Resolves when it is committed.
   */
  async transaction(changes: () => void): Promise<void> {
    const before = { ...this.counters }
    const change = () => {
      this.#runCached(changes)
      if (!isSame(before, this.counters)) this.#state.put(COUNTERS_KEY, this.counters)
    }
    const fake = areTimersFake()
    const isInThread = !(fake && (await fake))
    this.#flusher.beginTransaction()
    try {
      if (isInThread) await this.#inThread(change)
      else this.#root.transactionSync(change)
    } catch (error) {
      Object.assign(this.counters, before)
      throw await reasonOf(error)
    } finally {
      this.#flusher.endTransaction()
    }
  }

  /** Runs a transaction that LMDB's thread begins and commits. */
  async #inThread(change: () => void): Promise<void> {
    // LMDB starts its thread in the same phase of the event loop.
    const expecting = setImmediate(expectCallback)
    try {
      await this.#root.childTransaction(() => {
        callbackCame()
        change()
      })
    } finally {
      clearImmediate(expecting)
      callbackCame()
    }
  }

  /** @returns the table of the counters */
  #openTables(root: RootDatabase): Table<Counters> {
    const meta = root.openDB<Partial<Meta>, Buffer>(META_TABLE, META_OPTIONS)
    const { encoder } = meta as unknown as { encoder: ValueEncoder }
    const databases = new Map(TABLES.map(name => [name, root.openDB<Buffer, Buffer>(name, TABLE_OPTIONS)]))
    const row = meta.get(META_KEY)
    if (row?.schema === MIGRATED_VERSION) migrate(row, databases, encoder)
    if (row?.schema !== SCHEMA_VERSION) meta.putSync(META_KEY, { schema: SCHEMA_VERSION })
    for (const [name, database] of databases) {
      this.#tables.set(name, new Table(database, new RecordCodec(encoder, name)))
    }
    return this.table('state')
  }

  #runCached(changes: () => void): void {
    for (const cache of this.#caches) cache.begin()
    try {
      changes()
      for (const cache of this.#caches) cache.write()
    } finally {
      for (const cache of this.#caches) cache.end()
    }
  }

  /** Resolves when everything committed is on the disk. */
  flushed(): Promise<void> {
    return this.#flusher.flushed()
  }

  /** Copies the committed data. @throws AnaxError ANAX_ERR_STORE */
  copyTo(folder: string): Promise<void> {
    return copyDatabase(this.#root, folder)
  }

  async close(): Promise<void> {
    try {
      await this.#flusher.close()
    } finally {
      await this.#root.close()
      openFolders.delete(this.#folder)
    }
  }
}

/** Writes the first checkpoint of the opened database, because after a power cut the store returns to a checkpoint. */
async function openFlusher(root: RootDatabase, folder: string, boot: string | undefined): Promise<LmdbFlusher> {
  const file = LmdbFile.open(dataFileIn(folder))!
  const hold = () => {
    root.resetReadTxn()
    return root.useReadTransaction()
  }
  const flusher = new LmdbFlusher({ file, boot, hold })
  try {
    await flusher.flushed()
  } catch (error) {
    file.close()
    throw error
  }
  return flusher
}

/**
 * Each thread that has read the database has an entry in LMDB's table of readers, and the system knows which of their
 * processes are alive. Entries are counted, because processes of different containers may have the same number.
 */
function refuseSecondProcess(root: RootDatabase, folder: string): void {
  root.doesExist('')
  root.readerCheck()
  const readers = root.readerList().split('\n').map(Number.parseFloat).filter(Number.isInteger)
  const other = readers.find(pid => pid !== process.pid)
  // one is this thread
  if (other === undefined && readers.length <= 1) return
  throw inUse(folder, other === undefined ? 'another thread or container' : `process ${other}`)
}

function refuseOtherSchema(root: RootDatabase, folder: string): void {
  const names = [...root.getKeys({ limit: TABLES.length + 2 })]
  if (names.length === 0) return
  if (!names.includes(META_TABLE)) throw otherFormat(`${folder} has the data of another program`)
  const meta = root.openDB<Partial<Meta>, Buffer>(META_TABLE, META_OPTIONS).get(META_KEY)
  if (meta?.schema === SCHEMA_VERSION || meta?.schema === MIGRATED_VERSION) return
  throw otherFormat(`${folder} has schema version ${meta?.schema}, but this release uses version ${SCHEMA_VERSION}`)
}

function isSame(before: Counters, after: Counters): boolean {
  return (Object.keys(before) as (keyof Counters)[]).every(name => before[name] === after[name])
}

/** LMDB reports the reason of a failed commit in a second promise. */
async function reasonOf(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<unknown> }).commitError
    return error
  } catch (reason) {
    return reason
  }
}
