/**
 * Parses one page of an LMDB file without LMDB: a tree page with its nodes, or the damage. LMDB follows every reference
 * in a page, and an invalid one crashes the process. This code only reads bytes. Owns the layout of pages, as the
 * package `lmdb` has it; knows no tree.
 */

/** The header: page number, transaction, padding, flags, then the bounds of the free space or the number of pages. */
export const HEADER_BYTES = 24
const FLAGS_AT = 18
const LOWER_AT = 20
const UPPER_AT = 22
const PAGES_AT = 20
const NODE_HEADER_BYTES = 8

const BRANCH = 1
const LEAF = 2
const OVERFLOW = 4

/** Flags of a node. */
const BIG = 1
const SUBTREE = 2

/** A node of a branch page: the page with the keys from this one on. */
export interface Branch {
  readonly key: Buffer
  readonly page: number
}

/** A node of a leaf page. */
export interface Leaf {
  readonly key: Buffer
  /** The value, if it is in the page. */
  readonly value: Buffer | undefined
  /** The overflow pages with the value, otherwise. */
  readonly overflow: { readonly page: number; readonly pages: number; readonly bytes: number } | undefined
  /** Whether the value is the root of another tree. */
  readonly isTree: boolean
}

/** A page of a tree. */
export type TreePage =
  | { readonly kind: 'branch'; readonly nodes: readonly Branch[] }
  | { readonly kind: 'leaf'; readonly nodes: readonly Leaf[] }

/** The damage of a page. */
export class DamagedPage extends Error {}

/**
 * Parses a page of a tree.
 * @param number the page's number, which the page must contain
 * @throws DamagedPage
 */
export function parsePage(page: Buffer, number: number): TreePage {
  if (numberAt(page, 0) !== number) throw new DamagedPage('it has the wrong page number')
  const flags = page.readUInt16LE(FLAGS_AT)
  if (flags !== BRANCH && flags !== LEAF) throw new DamagedPage('it is not a page of a tree')
  const offsets = nodeOffsets(page)
  if (flags === LEAF) return { kind: 'leaf', nodes: offsets.map(offset => leafAt(page, offset)) }
  if (offsets.length < 2) throw new DamagedPage('a branch with fewer than two pages')
  return { kind: 'branch', nodes: offsets.map(offset => branchAt(page, offset)) }
}

/** @throws DamagedPage if these are not that many overflow pages with one value */
export function checkOverflow(page: Buffer, number: number, pages: number): void {
  const isRight = numberAt(page, 0) === number && page.readUInt16LE(FLAGS_AT) === OVERFLOW
  if (!isRight || page.readUInt32LE(PAGES_AT) !== pages) throw new DamagedPage('it is not the start of this value')
}

/** A number of 64 bits; NaN if it cannot be a page number. */
export function numberAt(bytes: Buffer, at: number): number {
  const number = bytes.readBigUInt64LE(at)
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : Number.NaN
}

/** The offsets of the nodes, which must not exceed the page, nor overlap. */
function nodeOffsets(page: Buffer): number[] {
  const room = page.length - HEADER_BYTES
  const [lower, upper] = [page.readUInt16LE(LOWER_AT), page.readUInt16LE(UPPER_AT)]
  if (lower % 2 !== 0 || lower > upper || upper > room) throw new DamagedPage('its free space has invalid bounds')
  const offsets: number[] = []
  for (let at = 0; at < lower; at += 2) {
    const offset = page.readUInt16LE(HEADER_BYTES + at)
    if (offset < upper || offset % 2 !== 0 || offset + NODE_HEADER_BYTES > room) {
      throw new DamagedPage('a node is outside the page')
    }
    offsets.push(HEADER_BYTES + offset)
  }
  return offsets
}

function branchAt(page: Buffer, offset: number): Branch {
  const key = keyAt(page, offset)
  const number = page.readUInt32LE(offset) + page.readUInt16LE(offset + 4) * 0x1_0000_0000
  return { key, page: number }
}

function leafAt(page: Buffer, offset: number): Leaf {
  const key = keyAt(page, offset)
  const flags = page.readUInt16LE(offset + 4)
  const bytes = page.readUInt32LE(offset)
  const start = offset + NODE_HEADER_BYTES + key.length
  if (flags === BIG) {
    if (start + 24 > page.length) throw new DamagedPage('a node is truncated')
    const overflow = { page: numberAt(page, start), pages: numberAt(page, start + 16), bytes }
    return { key, value: undefined, overflow, isTree: false }
  }
  if (flags !== 0 && flags !== SUBTREE) throw new DamagedPage('a node of an unknown kind')
  if (start + bytes > page.length) throw new DamagedPage('a value exceeds the page')
  return { key, value: page.subarray(start, start + bytes), overflow: undefined, isTree: flags === SUBTREE }
}

function keyAt(page: Buffer, offset: number): Buffer {
  const start = offset + NODE_HEADER_BYTES
  const end = start + page.readUInt16LE(offset + 6)
  if (end > page.length) throw new DamagedPage('a key exceeds the page')
  return page.subarray(start, end)
}
