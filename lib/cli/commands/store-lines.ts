/** `anax export`, `anax import` and `anax salvage`: a store in a folder as lines of JSON. */
import { statSync } from 'node:fs'
import { createLmdbPersistence, type LmdbPersistence, salvageLmdbStore } from '../../persistence/lmdb/lmdb.js'
import { exportStore, importStore } from '../../transfer/index.js'
import { CommandError } from '../command-error.js'
import { printCounts, recordsFrom, writeRecords } from './record-files.js'

/** The store must not be in use. */
export async function exportToFile(folder: string, file: string | undefined): Promise<void> {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) throw new CommandError(`there is no ${folder}`)
  await withStore(folder, store => writeRecords(exportStore(store), file))
}

/** Creates the store if there is none. */
export async function importFromFile(folder: string, file: string | undefined): Promise<void> {
  const records = recordsFrom(file)
  await withStore(folder, async store => printCounts(folder, await importStore(store, records)))
}

/** Copies the undamaged records of a store into a new one. */
export async function salvage(folder: string, target: string): Promise<void> {
  if (statSync(target, { throwIfNoEntry: false }) !== undefined) throw new CommandError(`${target} already exists`)
  const damaged = await salvageLmdbStore(folder)
  await withStore(target, async store => {
    printCounts(target, await importStore(store, exportStore(damaged)))
  })
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
