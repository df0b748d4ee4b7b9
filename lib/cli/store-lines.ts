/** `anax export` and `anax import`: a store as lines of JSON in a file, or on the standard streams. */
import { createReadStream, createWriteStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createLmdbPersistence, type LmdbPersistence, salvageLmdbStore } from '../persistence/lmdb/lmdb.js'
import { exportStore, type ImportResult, importStore, lineOf, recordsIn, type StoreRecord } from '../transfer/index.js'
import { CommandError, fileError } from './command-error.js'

/** The store must not be in use. */
export async function exportToFile(folder: string, file: string | undefined): Promise<void> {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) throw new CommandError(`there is no ${folder}`)
  await withStore(folder, async store => {
    const lines = Readable.from(linesOf(exportStore(store)))
    if (file === undefined) await pipeline(lines, process.stdout, { end: false })
    else await pipeline(lines, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
  })
}

/** Creates the store where there is none. */
export async function importFromFile(folder: string, file: string | undefined): Promise<void> {
  const input: Readable = file === undefined ? process.stdin : createReadStream(file)
  const failed = new Promise<never>((_, reject) => {
    input.on('error', error => reject(fileError(file ?? 'the input', error)))
  })
  await withStore(folder, async store => {
    const lines = createInterface({ input, crlfDelay: Infinity })
    printCounts(folder, await Promise.race([importStore(store, recordsIn(lines)), failed]))
  })
}

/** Puts what is whole of a damaged store into a new one. */
export async function salvage(folder: string, target: string): Promise<void> {
  if (statSync(target, { throwIfNoEntry: false }) !== undefined) throw new CommandError(`${target} is there already`)
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
