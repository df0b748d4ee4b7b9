/**
 * One search for the values of all filters that match a topic. It can stop after any number of steps and continue
 * later, because hostile filters (with `+` on many levels) make a topic match tens of thousands of them. Owns the
 * progress of the search. Must not know the cache, nor when to stop.
 *
 * The tree may change between two runs. Values that exist throughout are found; values that are added or removed
 * meanwhile may or may not be found.
 */
import { appendHolders, type Holders } from './holders.js'
import { type Child, LevelNode, ownValue } from './level-tree.js'
import { levelEnd } from './topic.js'

/** Nodes in one part of a search. */
const PART = 256

/** Nodes visited, and values found, in a microsecond, as powers of two. One filter may have very many values. */
const NODES_PER_UNIT_SHIFT = 2
const VALUES_PER_UNIT_SHIFT = 3

export class FilterSearch<K, V> {
  readonly topic: string
  readonly values: V[] = []
  /** The version of the tree when the search began. */
  readonly version: number
  readonly #exact: Holders<K, V> | undefined
  /** The nodes that match the topic up to this level. */
  #matching: Child<Holders<K, V>>[]
  /** The first of them that was not visited yet. */
  #index = 0
  /** The nodes that match the topic up to the next level. */
  #next: Child<Holders<K, V>>[] = []
  /** The next level of the topic; undefined after the last one. */
  #level: string | undefined
  /** The index where the level after that begins. */
  #at = 0
  #isDone = false

  /**
   * @param root the root of the filters with wildcards; undefined if there are none
   * @param exact the values of the filter that equals the topic
   */
  constructor(
    topic: string,
    root: LevelNode<Holders<K, V>> | undefined,
    exact: Holders<K, V> | undefined,
    version: number,
  ) {
    this.topic = topic
    this.version = version
    this.#exact = exact
    this.#matching = root === undefined ? [] : [root]
    this.#nextLevel()
  }

  /** Whether all values are found. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Does a part of the search. @returns its approximate cost in microseconds */
  runPart(): number {
    const before = this.values.length
    const nodes = this.run(PART)
    const found = this.values.length - before
    return (nodes >> NODES_PER_UNIT_SHIFT) + (found >> VALUES_PER_UNIT_SHIFT)
  }

  /** Visits at most `limit` nodes, level by level. @returns the number of visited nodes */
  run(limit: number): number {
    let visited = 0
    while (!this.#isDone) {
      const end = Math.min(this.#matching.length, this.#index + limit - visited)
      visited += end - this.#index
      if (this.#level === undefined) this.#visitLast(end)
      else this.#visit(end, this.#level)
      if (this.#index < this.#matching.length) break
      this.#endLevel()
    }
    return visited
  }

  /** Visits nodes that may have children on the next level. A filter that ends with `#` matches all further levels. */
  #visit(end: number, level: string): void {
    const matching = this.#matching
    const next = this.#next
    for (let i = this.#index; i < end; i++) {
      const node = matching[i]
      if (!(node instanceof LevelNode)) continue
      appendHolders(this.values, ownValue(node.child('#')))
      const plus = node.child('+')
      if (plus !== undefined) next.push(plus)
      const named = node.child(level)
      if (named !== undefined) next.push(named)
    }
    this.#index = end
  }

  /** Visits the filters that end at the last level. `sport/#` matches its parent level `sport` as well. */
  #visitLast(end: number): void {
    const matching = this.#matching
    for (let i = this.#index; i < end; i++) {
      const child = matching[i]!
      appendHolders(this.values, ownValue(child))
      if (child instanceof LevelNode) appendHolders(this.values, ownValue(child.child('#')))
    }
    this.#index = end
  }

  #endLevel(): void {
    if (this.#level === undefined || this.#next.length === 0) {
      appendHolders(this.values, this.#exact)
      this.#isDone = true
      return
    }
    this.#matching = this.#next
    this.#next = []
    this.#index = 0
    this.#nextLevel()
  }

  #nextLevel(): void {
    const { topic } = this
    const at = this.#at
    const end = levelEnd(topic, at)
    this.#level = at > topic.length ? undefined : topic.slice(at, end)
    this.#at = end + 1
  }
}
