/**
 * Reads pages of an LMDB file, and records which are in use: no page may be used in two places. Owns the bounds of the
 * file; knows no tree.
 */
import { readSync } from 'node:fs'
import { DamagedPage } from './page.js'

/** The first page that may belong to a tree, after the two meta pages. */
export const FIRST_PAGE = 2
/** The offset in a page of the transaction that wrote it. */
const TRANSACTION_AT = 8
/** Bytes read in one step: pages of a tree are often adjacent in the file. */
const WINDOW_BYTES = 32_768

/** The meta data of a file. */
export interface FileBounds {
  readonly pageBytes: number
  /** The last used page. */
  readonly lastPage: number
  /** The last transaction. */
  readonly transaction: bigint
}

/** The pages of a file. */
export class PageReader {
  readonly pageBytes: number
  readonly #descriptor: number
  readonly #lastPage: number
  readonly #transaction: bigint
  readonly #claimed: Uint8Array
  #window: Buffer = Buffer.alloc(0)
  #windowStart = 0

  constructor(descriptor: number, { pageBytes, lastPage, transaction }: FileBounds) {
    this.#descriptor = descriptor
    this.pageBytes = pageBytes
    this.#lastPage = lastPage
    this.#transaction = transaction
    this.#claimed = new Uint8Array((lastPage >> 3) + 1)
  }

  /** Records that pages are used. @throws DamagedPage if they are already used, or do not exist */
  claim(page: number, pages: number): void {
    if (!this.#isPage(page) || !this.#isPage(page + pages - 1)) throw new DamagedPage('there is no such page')
    for (let number = page; number < page + pages; number++) {
      if (this.isClaimed(number)) throw new DamagedPage('it is used in two places')
      this.#claimed[number >> 3]! |= 1 << (number & 7)
    }
  }

  isClaimed(page: number): boolean {
    return (this.#claimed[page >> 3]! & (1 << (page & 7))) !== 0
  }

  /**
   * The bytes of pages.
   * @throws DamagedPage if the file ends before them, or if they claim to be from a later transaction, because LMDB
   * would take such a page for one in memory
   */
  read(page: number, pages: number): Buffer {
    const bytes = this.#bytes(page * this.pageBytes, pages * this.pageBytes)
    if (bytes.readBigUInt64LE(TRANSACTION_AT) > this.#transaction)
      throw new DamagedPage('it is from a later transaction')
    return bytes
  }

  #bytes(start: number, length: number): Buffer {
    if (length > WINDOW_BYTES) return this.#readAt(start, length)
    const offset = start - this.#windowStart
    if (offset >= 0 && offset + length <= this.#window.length) return this.#window.subarray(offset, offset + length)
    this.#window = this.#readUpTo(start, WINDOW_BYTES)
    this.#windowStart = start
    if (this.#window.length < length) throw new DamagedPage('the file ends before it')
    return this.#window.subarray(0, length)
  }

  #readAt(start: number, length: number): Buffer {
    const bytes = this.#readUpTo(start, length)
    if (bytes.length < length) throw new DamagedPage('the file ends before it')
    return bytes
  }

  #readUpTo(start: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    return bytes.subarray(0, readSync(this.#descriptor, bytes, 0, length, start))
  }

  #isPage(page: number): boolean {
    return page >= FIRST_PAGE && page <= this.#lastPage
  }
}
