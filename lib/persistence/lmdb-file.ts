/**
 * Looks at an LMDB file before LMDB does, which trusts what it finds and takes the process down with it if it must not.
 * Owns the refusal of files that are damaged; changes nothing.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { AnaxError } from '../errors.js'

/** Where LMDB keeps the data of a folder. */
const DATA_FILE = 'data.mdb'
const MAGIC = 0xbeef_c0de
/** Offsets in the meta pages, with which a file begins, as the package `lmdb` lays them out. */
const MAGIC_AT = 24
const PAGE_SIZE_AT = 48
const FREE_ROOT_AT = 88
const MAIN_ROOT_AT = 136
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152
const META_BYTES = 160
/** Pages at the end that were handed out and given back unwritten, which a file may lack. */
const MAX_UNWRITTEN_PAGES = 256
const MIN_PAGE_BYTES = 512
const MAX_PAGE_BYTES = 65_536
/** The root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** @throws AnaxError ANAX_ERR_STORE_FORMAT where the folder's data file is no LMDB file, or not a whole one */
export function checkFile(folder: string): void {
  const path = join(folder, DATA_FILE)
  const file = openIfThere(path)
  if (file === undefined) return
  try {
    checkMeta(file, fstatSync(file).size, path)
  } finally {
    closeSync(file)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function checkMeta(file: number, size: number, path: string): void {
  if (size === 0) return
  const first = metaAt(file, 0)
  const pageBytes = first?.readUInt32LE(PAGE_SIZE_AT) ?? 0
  if (first === undefined || pageBytes < MIN_PAGE_BYTES || pageBytes > MAX_PAGE_BYTES) {
    throw damaged(`${path} is no LMDB file`)
  }
  const second = metaAt(file, pageBytes)
  if (second === undefined) throw damaged(`${path} has lost its second page`)
  const latest = first.readBigUInt64LE(TRANSACTION_AT) > second.readBigUInt64LE(TRANSACTION_AT) ? first : second
  const pages = BigInt(Math.floor(size / pageBytes))
  const roots = [FREE_ROOT_AT, MAIN_ROOT_AT].map(offset => latest.readBigUInt64LE(offset))
  const expected = latest.readBigUInt64LE(LAST_PAGE_AT) + 1n - BigInt(MAX_UNWRITTEN_PAGES)
  if (pages < expected || roots.some(root => root !== NO_PAGE && root >= pages)) {
    throw damaged(`${path} is shorter than it was written`)
  }
}

function metaAt(file: number, offset: number): Buffer | undefined {
  const meta = Buffer.alloc(META_BYTES)
  const length = readSync(file, meta, 0, META_BYTES, offset)
  return length === META_BYTES && meta.readUInt32LE(MAGIC_AT) === MAGIC ? meta : undefined
}

function damaged(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail })
}
