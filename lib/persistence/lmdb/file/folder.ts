/**
 * Checks a store's folder before LMDB opens it, because some content would crash LMDB. Owns these checks and the errors
 * for folders that are refused. Must not know the database.
 */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AnaxError, textOf } from '../../../errors.js'
import { recover } from '../engine/checkpoint.js'
import { DamagedRecord } from '../engine/record.js'
import { LmdbFile } from './file.js'

/** LMDB's files. */
const DATA_FILE = 'data.mdb'
const LOCK_FILE = 'lock.mdb'
/** More bytes than a new database needs. */
const ROOM_BYTES = 131_072

/** The path of the data file in a folder. */
export function dataFileIn(folder: string): string {
  return join(folder, DATA_FILE)
}

/**
 * Creates a folder if it does not exist.
 * @returns its path without links, which is unique
 * @throws AnaxError ANAX_ERR_STORE
 */
export function makeFolder(path: string): string {
  try {
    create(path)
    return realpathSync(path)
  } catch (error) {
    throw cannotOpen(resolve(path), error)
  }
}

/**
 * Creates a folder. Uses the option `recursive` of Node.js only if necessary: with it, a read-only file system is
 * reported as missing, and on some others the call never returns.
 */
function create(path: string): void {
  try {
    mkdirSync(path, { recursive: !existsSync(dirname(path)) })
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

/**
 * Makes sure that LMDB can open a folder.
 * @param boot identity of the current boot
 * @returns whether there is a data file
 * @throws AnaxError ANAX_ERR_STORE_FORMAT, and the system's error for an unusable folder
 */
export function checkFolder(folder: string, boot: string | undefined): 'new' | 'used' {
  for (const name of [DATA_FILE, LOCK_FILE]) checkKind(join(folder, name))
  const state = checkFile(folder, boot)
  checkRoom(folder)
  return state
}

/** A lock file that cannot be opened crashes LMDB. It is not opened here, because closing it would release a lock. */
function checkKind(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  if (!statSync(path).isFile()) throw otherFormat(`${path} is not a file`)
  accessSync(path, constants.R_OK | constants.W_OK)
}

/** Goes back to the checkpoint after a power cut. Refuses other damage before LMDB reads it. */
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
 * LMDB writes its lock file through mapped memory. If the disk is full, that crashes the process.
 * @throws the system's error if the disk is full
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

/** The error for a folder that the system cannot open. */
export function cannotOpen(folder: string, cause: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: `cannot open ${folder}: ${textOf(cause)}`, scope: 'host', cause })
}

/** The error for a folder that is in use. */
export function inUse(folder: string, by: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: `${folder} is in use by ${by}`, scope: 'host' })
}

/** The error for a folder with another content. */
export function otherFormat(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail })
}
