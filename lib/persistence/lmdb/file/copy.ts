/**
 * Copies an open LMDB database to another folder, compacted, while it is in use. Owns that the copy is either complete
 * and on the disk, or does not exist. Knows no table.
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AnaxError, textOf } from '../../../errors.js'
import { dataFileIn } from './folder.js'

/** The folder of a copy that is not complete yet. */
const PARTIAL = 'partial'

/** The used members of an `lmdb` database. */
interface Database {
  backup(path: string, compact: boolean): Promise<void>
}

/** Copies the committed data. @param target a missing or empty folder @throws AnaxError ANAX_ERR_STORE */
export async function copyDatabase(database: Database, target: string): Promise<void> {
  const partial = join(target, PARTIAL)
  try {
    await mkdir(target, { recursive: true })
    if ((await readdir(target)).length > 0) throw new Error('the folder is not empty')
    await mkdir(partial)
    try {
      await database.backup(partial, true)
      await moveDataFile(partial, target)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  } catch (cause) {
    throw new AnaxError('ANAX_ERR_STORE', {
      detail: `cannot copy to ${target}: ${textOf(cause)}`,
      scope: 'host',
      cause,
    })
  }
}

/** Moves a data file from one folder to another, replacing an existing one, and writes it to the disk. */
export async function moveDataFile(from: string, to: string): Promise<void> {
  await synced(dataFileIn(from))
  await rename(dataFileIn(from), dataFileIn(to))
  // Windows cannot open folders, and does not need this.
  if (process.platform !== 'win32') await synced(to)
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
