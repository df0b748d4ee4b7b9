/**
 * What is found out about a store's folder before LMDB opens it, for LMDB does not survive everything that may be there.
 * Owns these checks, and the words for a folder that is refused; must not know the database.
 */
import { accessSync, constants, lstatSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AnaxError, textOf } from '../../../errors.js'
import { recover } from '../engine/checkpoint.js'
import { DamagedRecord } from '../engine/record.js'
import { LmdbFile } from './file.js'

/** What LMDB has in a folder. */
const DATA_FILE = 'data.mdb'
const LOCK_FILE = 'lock.mdb'
/** More than a new database takes. */
const ROOM_BYTES = 131_072

/** Where LMDB keeps the data of a folder. */
export function dataFileIn(folder: string): string {
  return join(folder, DATA_FILE)
}

/**
 * Makes a folder where there is none.
 * @returns its path without links: a folder has one only
 * @throws AnaxError ANAX_ERR_STORE
 */
export function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true })
    return realpathSync(path)
  } catch (error) {
    throw cannotOpen(resolve(path), error)
  }
}

/**
 * Makes sure that LMDB can open what is there.
 * @param boot the present run of the machine
 * @returns whether there is a data file
 * @throws AnaxError ANAX_ERR_STORE_FORMAT, and what the system says of a folder that cannot be used
 */
export function checkFolder(folder: string, boot: string | undefined): 'new' | 'used' {
  for (const name of [DATA_FILE, LOCK_FILE]) checkKind(join(folder, name))
  const state = checkFile(folder, boot)
  checkRoom(folder)
  return state
}

/** LMDB does not survive a lock file that it cannot open as a file; closing one would give up a lock, so none is opened. */
function checkKind(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  if (!statSync(path).isFile()) throw otherFormat(`${path} is no file`)
  accessSync(path, constants.R_OK | constants.W_OK)
}

/** A power cut may have left what must be taken back; anything else that is wrong is refused before LMDB sees it. */
function checkFile(folder: string, boot: string | undefined): 'new' | 'used' {
  const file = LmdbFile.open(dataFileIn(folder))
  if (file === undefined) return 'new'
  try {
    recover(file, boot)
    file.checkLength()
    return 'used'
  } finally {
    file.close()
  }
}

/**
 * LMDB writes to its lock file through memory: where the disk has no room for that, the process does not survive it.
 * @throws what the system says of a disk that is full
 */
function checkRoom(folder: string): void {
  const lock = statSync(join(folder, LOCK_FILE), { throwIfNoEntry: false })
  if (lock !== undefined && lock.blocks > 0) return
  const trial = join(folder, 'trial')
  try {
    writeFileSync(trial, Buffer.alloc(ROOM_BYTES))
  } finally {
    rmSync(trial, { force: true })
  }
}

/** Why a store could not be opened. */
export function notOpened(folder: string, error: unknown): AnaxError {
  if (error instanceof DamagedRecord) {
    return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail: `${folder}: ${error.message}`, cause: error })
  }
  return error instanceof AnaxError ? error : cannotOpen(folder, error)
}

/** The system does not let it be opened. */
export function cannotOpen(folder: string, cause: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: `cannot open ${folder}: ${textOf(cause)}`, scope: 'host', cause })
}

/** Somebody else has it open. */
export function inUse(folder: string, by: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: `${folder} is in use by ${by}`, scope: 'host' })
}

/** What is in it is not a store of this version. */
export function otherFormat(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail })
}
