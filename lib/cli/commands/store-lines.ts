/** `anax export` and `anax import`: a store as lines of JSON in a file, or on the standard streams. */
import { closeSync, createReadStream, createWriteStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createLmdbPersistence, type LmdbPersistence, salvageLmdbStore } from '../../persistence/lmdb/lmdb.js'
import {
  exportStore,
  type ImportResult,
  importStore,
  isMosquittoDatabase,
  lineOf,
  readMosquitto,
  recordsIn,
  type StoreRecord,
} from '../../transfer/index.js'
import { CommandError, fileError } from '../command-error.js'

/** The store must not be in use. */
export async function exportToFile(folder: string, file: string | undefined): Promise<void> {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) throw new CommandError(`there is no ${folder}`)
  await withStore(folder, async store => {
    const lines = Readable.from(linesOf(exportStore(store)))
    if (file === undefined) await pipeline(lines, process.stdout, { end: false })
    else await pipeline(lines, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
  })
}

/** Creates the store if there is none. The file has lines of JSON, or is the database of Mosquitto. */
export async function importFromFile(folder: string, file: string | undefined): Promise<void> {
  const database = file === undefined ? undefined : mosquittoDatabase(file)
  await withStore(folder, async store => {
    const records = database === undefined ? recordsIn(linesIn(file)) : readMosquitto(database)
    printCounts(folder, await importStore(store, records))
  })
}

/** The content of a file, if it is the database of Mosquitto. */
function mosquittoDatabase(file: string): Buffer | undefined {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const start = Buffer.alloc(64)
      readSync(descriptor, start)
      return isMosquittoDatabase(start) ? readFileSync(file) : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw fileError(file, error)
  }
}

async function* linesIn(file: string | undefined): AsyncGenerator<string> {
  const input = file === undefined ? process.stdin : createReadStream(file)
  try {
    yield* createInterface({ input, crlfDelay: Infinity })
  } catch (error) {
    throw fileError(file ?? 'the input', error)
  }
}

/** Copies the undamaged records of a store into a new one. */
export async function salvage(folder: string, target: string): Promise<void> {
  if (statSync(target, { throwIfNoEntry: false }) !== undefined) throw new CommandError(`${target} already exists`)
  const damaged = await salvageLmdbStore(folder)
  await withStore(target, async store => {
    printCounts(target, await importStore(store, exportStore(damaged)))
  })
}

function printCounts(folder: string, { sessions, queued, wills, retained }: ImportResult): void {
  const counts = `${sessions} sessions, ${queued} queued messages, ${wills} wills, ${retained} retained messages`
  process.stdout.write(`Imported into ${folder}: ${counts}\n`)
}

async function withStore(folder: string, body: (store: LmdbPersistence) => Promise<void>): Promise<void> {
  const store = createLmdbPersistence({ path: folder })
  await store.setup({ id: 'anax' })
  try {
    await body(store)
  } finally {
    await store.destroy()
  }
}

async function* linesOf(records: AsyncIterable<StoreRecord>): AsyncGenerator<string> {
  for await (const record of records) yield `${lineOf(record)}\n`
}
