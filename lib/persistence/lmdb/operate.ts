/**
 * Operations on the folder of an LMDB store without a broker: check it, copy it, compact it. Owns who may have it open
 * meanwhile; knows no record.
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
 * @throws AnaxError ANAX_ERR_STORE if there is no readable store
 */
export function checkLmdbStore(path: string, depth: CheckDepth = 'full'): CheckReport {
  try {
    return checkFile(path, depth)
  } catch (cause) {
    throw cannotOpen(resolve(path), cause)
  }
}

/**
 * Reads the undamaged records of a store that is not in use, as a source for an export. Keeps all of them in memory.
 * @param path the folder
 * @throws AnaxError ANAX_ERR_STORE if there is no readable store, ANAX_ERR_OPTION without the package `lmdb`
 */
export async function salvageLmdbStore(path: string): Promise<SalvagedStore> {
  await bytesOf(path)
  const { open } = await loadPackage<typeof import('lmdb')>()
  // Used only for its encoder: a temporary database, which is deleted when it is closed.
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
 * @throws AnaxError ANAX_ERR_STORE, and ANAX_ERR_OPTION if the package `lmdb` is missing
 */
export async function backupLmdbStore(path: string, target: string): Promise<void> {
  const database = await openForReading(path)
  try {
    await copyDatabase(database, resolve(target))
  } finally {
    await database.close()
  }
}

/** Sizes of the data file. */
export interface CompactionResult {
  before: number
  after: number
}

/**
 * Shrinks the file of a store to the size of its content. No broker may use the store. A crash leaves the store as it
 * was. Needs as much space on the disk as the result.
 * @param path the folder of the store
 * @throws AnaxError ANAX_ERR_STORE if it is in use, ANAX_ERR_STORE_FORMAT if it is damaged
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

/** Opens a store that another process may be writing: readers do not disturb it. */
async function openForReading(path: string): Promise<RootDatabase> {
  await bytesOf(path)
  const { open } = await loadPackage<typeof import('lmdb')>()
  try {
    return open({ path: resolve(path), noSubdir: false, readOnly: true, maxDbs: TABLES.length + 2 })
  } catch (cause) {
    throw cause instanceof AnaxError ? cause : cannotOpen(resolve(path), cause)
  }
}
