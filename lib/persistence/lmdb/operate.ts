/**
 * What an operator does with the folder of an LMDB store without a broker: check it, copy it, compact it.
 * Owns who may have it open meanwhile; knows no record.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { AnaxError } from '../../errors.js'
import { type CheckDepth, type CheckReport, checkFile } from './check/check.js'
import { SalvagedStore } from './check/salvage.js'
import { LmdbEnvironment } from './engine/environment.js'
import { loadPackage } from './engine/package.js'
import type { ValueEncoder } from './engine/record.js'
import { TABLES } from './engine/table-names.js'
import { copyDatabase, moveDataFile } from './file/copy.js'
import { cannotOpen, dataFileIn } from './file/folder.js'

/**
 * Checks a store that is not in use, without changing it: each page, and with `full` each record.
 * @param path the folder
 * @param depth how thoroughly, as for the option `verify` of the store
 * @throws AnaxError ANAX_ERR_STORE where there is no store that can be read
 */
export function checkLmdbStore(path: string, depth: CheckDepth = 'full'): CheckReport {
  try {
    return checkFile(path, depth)
  } catch (cause) {
    throw cannotOpen(resolve(path), cause)
  }
}

/**
 * Reads what is whole of a damaged store that is not in use: a source for an export. All of it is kept in memory.
 * @param path the folder
 * @throws AnaxError ANAX_ERR_STORE where there is no store that can be read, ANAX_ERR_OPTION without the package `lmdb`
 */
export async function salvageLmdbStore(path: string): Promise<SalvagedStore> {
  await bytesOf(path)
  const { open } = await loadPackage<typeof import('lmdb')>()
  // Only for its encoder: a database of its own, which is gone when it is closed.
  const scratch = open({ encoding: 'msgpack', useRecords: false } as Parameters<typeof open>[0])
  try {
    return new SalvagedStore(path, (scratch as unknown as { encoder: ValueEncoder }).encoder)
  } finally {
    await scratch.close()
  }
}

/**
 * Copies a store, also while a broker in another process uses it. The copy is compact, and has everything that was
 * acknowledged before.
 * @param path the folder of the store
 * @param target the folder of the copy, which must be missing or empty
 * @throws AnaxError ANAX_ERR_STORE, and ANAX_ERR_OPTION where the package `lmdb` is missing
 */
export async function backupLmdbStore(path: string, target: string): Promise<void> {
  const database = await openForReading(path)
  try {
    await copyDatabase(database, resolve(target))
  } finally {
    await database.close()
  }
}

/** Bytes of a data file. */
export interface CompactionResult {
  before: number
  after: number
}

/**
 * Makes the file of a store as small as its content allows. No broker may use the store; a crash amid it leaves the
 * store as it was. Needs as much room on the disk as the result takes.
 * @param path the folder of the store
 * @throws AnaxError ANAX_ERR_STORE where it is in use, ANAX_ERR_STORE_FORMAT where it is damaged
 */
export async function compactLmdbStore(path: string): Promise<CompactionResult> {
  const before = await bytesOf(path)
  const draft = await mkdtemp(join(path, 'compact-'))
  try {
    const environment = await LmdbEnvironment.open(path, 'full')
    try {
      await environment.copyTo(draft)
    } finally {
      await environment.close()
    }
    await moveDataFile(draft, path)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return { before, after: await bytesOf(path) }
}

async function bytesOf(path: string): Promise<number> {
  try {
    return (await stat(dataFileIn(path))).size
  } catch (cause) {
    throw cannotOpen(resolve(path), cause)
  }
}

/** Readers of other processes do not disturb the one that writes. */
async function openForReading(path: string): Promise<RootDatabase> {
  await bytesOf(path)
  const { open } = await loadPackage<typeof import('lmdb')>()
  try {
    return open({ path: resolve(path), noSubdir: false, readOnly: true, maxDbs: TABLES.length + 2 })
  } catch (cause) {
    throw cause instanceof AnaxError ? cause : cannotOpen(resolve(path), cause)
  }
}
