/**
 * Walks a tree of an LMDB file without LMDB, and finds damage that would crash LMDB. Owns the rules for a valid tree:
 * each page is used once, keys are in order, and the number of entries is right. Knows no record.
 */
import { checkOverflow, DamagedPage, HEADER_BYTES, type Leaf, numberAt, parsePage } from './page.js'
import type { PageReader } from './page-reader.js'

/** Maximum depth of a tree in LMDB. */
const MAX_DEPTH = 31

/** The root of a tree, as LMDB stores it. */
export interface TreeRoot {
  readonly flags: number
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly overflowPages: number
  readonly entries: number
  /** Undefined if the tree is empty. */
  readonly page: number | undefined
}

export const ROOT_BYTES = 48
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** @throws DamagedPage */
export function parseRoot(bytes: Buffer): TreeRoot {
  if (bytes.length !== ROOT_BYTES) throw new DamagedPage('the root of a tree has the wrong length')
  const hasPage = bytes.readBigUInt64LE(40) !== NO_PAGE
  const root: TreeRoot = {
    flags: bytes.readUInt16LE(4),
    depth: bytes.readUInt16LE(6),
    branchPages: numberAt(bytes, 8),
    leafPages: numberAt(bytes, 16),
    overflowPages: numberAt(bytes, 24),
    entries: numberAt(bytes, 32),
    page: hasPage ? numberAt(bytes, 40) : undefined,
  }
  if (root.depth > MAX_DEPTH || hasPage !== root.depth > 0) throw new DamagedPage('the root of a tree is invalid')
  return root
}

/** How keys are ordered. */
export type KeyOrder = (a: Buffer, b: Buffer) => number

/** The visitor of a walk. */
export interface TreeVisitor {
  /** Called for each record. */
  record(key: Buffer, value: Buffer, leaf: Leaf): void
  /** @param key the first key of the damaged part, if known */
  damage(what: string, key: Buffer | undefined): void
}

/** The extent of a walk: all pages, or only those that lead to the leaves, which are then assumed to be undamaged. */
export type WalkDepth = 'leaves' | 'branches'

/** The range of keys that a part of a tree may contain; the end is exclusive. */
interface KeyRange {
  readonly from: Buffer | undefined
  readonly to: Buffer | undefined
}

const COUNTS = ['branchPages', 'leafPages', 'overflowPages', 'entries'] as const satisfies (keyof TreeRoot)[]
type Count = (typeof COUNTS)[number]

/** One walk. */
export class TreeWalk {
  readonly #reader: PageReader
  readonly #root: TreeRoot
  readonly #order: KeyOrder
  readonly #visitor: TreeVisitor
  readonly #walkDepth: WalkDepth
  readonly #found = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }
  #isWhole = true

  constructor(reader: PageReader, root: TreeRoot, order: KeyOrder, visitor: TreeVisitor, walkDepth: WalkDepth) {
    this.#reader = reader
    this.#root = root
    this.#order = order
    this.#visitor = visitor
    this.#walkDepth = walkDepth
  }

  run(): void {
    const { page, depth } = this.#root
    if (page !== undefined) this.#walk(page, depth, { from: undefined, to: undefined })
    if (this.#isWhole) this.#compareCounts()
  }

  #compareCounts(): void {
    const counted: readonly Count[] = this.#walkDepth === 'leaves' ? COUNTS : ['branchPages']
    for (const count of counted) {
      const [found, written] = [this.#found[count], this.#root[count]]
      if (found !== written) this.#visitor.damage(`${count}: found ${found} of ${written}`, undefined)
    }
  }

  /** @param depth levels from this page down to the leaves, 1 for a leaf */
  #walk(number: number, depth: number, range: KeyRange): void {
    try {
      this.#reader.claim(number, 1)
      if (depth === 1 && this.#walkDepth === 'branches' && this.#root.depth > 1) return
      const page = parsePage(this.#reader.read(number, 1), number)
      if ((page.kind === 'leaf') !== (depth === 1)) throw new DamagedPage('it is at the wrong depth')
      this.#checkOrder(page, range)
      if (page.kind === 'leaf') this.#walkLeaf(page.nodes)
      else this.#walkBranch(page.nodes, depth, range)
    } catch (error) {
      if (!(error instanceof DamagedPage)) throw error
      this.#isWhole = false
      this.#visitor.damage(`page ${number}: ${error.message}`, range.from)
    }
  }

  #walkBranch(nodes: readonly { key: Buffer; page: number }[], depth: number, range: KeyRange): void {
    this.#found.branchPages++
    for (const [i, { key, page }] of nodes.entries()) {
      const from = i === 0 ? range.from : key
      this.#walk(page, depth - 1, { from, to: nodes[i + 1]?.key ?? range.to })
    }
  }

  #walkLeaf(nodes: readonly Leaf[]): void {
    this.#found.leafPages++
    for (const leaf of nodes) {
      this.#found.entries++
      try {
        this.#visitor.record(leaf.key, leaf.value ?? this.#overflowOf(leaf), leaf)
      } catch (error) {
        if (!(error instanceof DamagedPage)) throw error
        this.#isWhole = false
        this.#visitor.damage(error.message, leaf.key)
      }
    }
  }

  #overflowOf({ overflow }: Leaf): Buffer {
    const { page, pages, bytes } = overflow!
    if (!(pages > 0) || Math.ceil((bytes + HEADER_BYTES) / this.#reader.pageBytes) !== pages) {
      throw new DamagedPage('the length of a value is wrong')
    }
    this.#reader.claim(page, pages)
    this.#found.overflowPages += pages
    const content = this.#reader.read(page, pages)
    checkOverflow(content, page, pages)
    return content.subarray(HEADER_BYTES, HEADER_BYTES + bytes)
  }

  /** Checks the order of keys. The first key of a branch page has no meaning, and is usually empty. */
  #checkOrder({ kind, nodes }: ReturnType<typeof parsePage>, { from, to }: KeyRange): void {
    const keys = (kind === 'branch' ? nodes.slice(1) : nodes).map(({ key }) => key)
    const [first, last] = [keys[0], keys.at(-1)]
    const isSorted = keys.every((key, i) => i === 0 || this.#order(keys[i - 1]!, key) < 0)
    const isWithin =
      (first === undefined || from === undefined || this.#order(from, first) <= 0) &&
      (last === undefined || to === undefined || this.#order(last, to) < 0)
    if (!isSorted || !isWithin) throw new DamagedPage('its keys are out of order')
  }
}
