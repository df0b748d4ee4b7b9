/**
 * The start of an LMDB data file: two meta pages, of which the later one refers to all other pages, and unused bytes at
 * their ends. Owns that layout, and refuses files that are obviously damaged, because LMDB would crash the process.
 * Knows no transaction.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { AnaxError } from '../../../errors.js'

const MAGIC = 0xbeef_c0de
/** Offsets in the meta pages of the package `lmdb`. */
const MAGIC_AT = 24
const STATE_AT = 40
const PAGE_SIZE_AT = 48
const FREE_ROOT_AT = 88
const MAIN_ROOT_AT = 136
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152
const META_BYTES = 168
/** A file may lack this many pages at its end: they were allocated and freed without being written. */
const MAX_UNWRITTEN_PAGES = 256
const MIN_PAGE_BYTES = 1024
const MAX_PAGE_BYTES = 65_536
/** The root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** The length of a state in a meta page. */
export const STATE_BYTES = META_BYTES - STATE_AT
/** Unused bytes at the end of each meta page. One sector, which is written completely or not at all. */
export const MARGIN_BYTES = 512

/** A state of the database after one transaction. */
export interface DatabaseState {
  readonly transaction: bigint
  /** Its bytes in a meta page. */
  readonly bytes: Buffer
}

/** An LMDB data file, opened beside LMDB. */
export class LmdbFile {
  readonly descriptor: number
  readonly #path: string
  readonly #pageBytes: number
  /** Its length at the last check. */
  #bytes = 0n

  private constructor(descriptor: number, path: string) {
    this.descriptor = descriptor
    this.#path = path
    this.#pageBytes = readAt(descriptor, 0, META_BYTES).readUInt32LE(PAGE_SIZE_AT)
    if (!this.#isMeta(0) || this.#pageBytes < MIN_PAGE_BYTES || this.#pageBytes > MAX_PAGE_BYTES) {
      throw damaged(`${path} is no LMDB file`)
    }
    if (!this.#isMeta(1)) throw damaged(`${path} has lost its second page`)
  }

  /**
   * Opens a data file; undefined if there is none.
   * @throws AnaxError ANAX_ERR_STORE_FORMAT if it is empty, or not an LMDB file
   */
  static open(path: string): LmdbFile | undefined {
    const descriptor = openIfThere(path)
    if (descriptor === undefined) return undefined
    try {
      if (fstatSync(descriptor).size === 0) throw damaged(`${path} is empty; delete it if there was never a store`)
      return new LmdbFile(descriptor, path)
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  }

  /** The state after the last transaction. Must not be called during a transaction. */
  latestState(): DatabaseState {
    const [first, second] = [this.#stateAt(0), this.#stateAt(1)]
    return first.transaction > second.transaction ? first : second
  }

  /** Restores a state. All its pages must still exist. */
  restore({ bytes, transaction }: DatabaseState): void {
    const page = Number(transaction & 1n)
    const earlier = Buffer.from(bytes)
    earlier.writeBigUInt64LE(transaction > 0n ? transaction - 1n : 0n, TRANSACTION_AT - STATE_AT)
    writeSync(this.descriptor, bytes, 0, STATE_BYTES, page * this.#pageBytes + STATE_AT)
    writeSync(this.descriptor, earlier, 0, STATE_BYTES, (1 - page) * this.#pageBytes + STATE_AT)
  }

  /** @throws AnaxError ANAX_ERR_STORE_FORMAT if pages of the latest state are missing */
  checkLength(): void {
    const { bytes } = this.latestState()
    const pages = BigInt(Math.floor(fstatSync(this.descriptor).size / this.#pageBytes))
    const roots = [FREE_ROOT_AT, MAIN_ROOT_AT].map(offset => bytes.readBigUInt64LE(offset - STATE_AT))
    const expected = bytes.readBigUInt64LE(LAST_PAGE_AT - STATE_AT) + 1n - BigInt(MAX_UNWRITTEN_PAGES)
    if (pages < expected || roots.some(root => root !== NO_PAGE && root >= pages)) {
      throw damaged(`${this.#path} is shorter than it was written`)
    }
  }

  /**
   * Checks that the file is still in its place, and not shorter.
   * @throws AnaxError ANAX_ERR_STORE if it was deleted, replaced or truncated
   */
  async checkPlace(): Promise<void> {
    const found = await stat(this.#path, { bigint: true }).catch(() => undefined)
    const { ino, dev, size } = fstatSync(this.descriptor, { bigint: true })
    if (found?.ino !== ino || found.dev !== dev) throw lost(`${this.#path} was deleted or replaced`)
    if (size < this.#bytes) throw lost(`${this.#path} was cut off`)
    this.#bytes = size
  }

  /** The offset of the unused bytes of a meta page. */
  marginAt(page: 0 | 1): number {
    return (page + 1) * this.#pageBytes - MARGIN_BYTES
  }

  readMargin(page: 0 | 1): Buffer {
    return readAt(this.descriptor, this.marginAt(page), MARGIN_BYTES)
  }

  close(): void {
    closeSync(this.descriptor)
  }

  #isMeta(page: number): boolean {
    return readAt(this.descriptor, page * this.#pageBytes, META_BYTES).readUInt32LE(MAGIC_AT) === MAGIC
  }

  #stateAt(page: number): DatabaseState {
    const bytes = readAt(this.descriptor, page * this.#pageBytes + STATE_AT, STATE_BYTES)
    return stateOf(bytes)
  }
}

/** The state in these bytes of a meta page. */
export function stateOf(bytes: Buffer): DatabaseState {
  return { transaction: bytes.readBigUInt64LE(TRANSACTION_AT - STATE_AT), bytes }
}

/** Bytes of a file. Zeros after its end. */
function readAt(descriptor: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(descriptor, bytes, 0, length, at)
  return bytes
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r+')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function lost(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail })
}

function damaged(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail })
}
