/**
 * Topic filters -> values: who wants the messages of a topic. Owns matching and its cache.
 * Filters without wildcards lie in one flat Map, only the others in a tree of levels, so that neither matching
 * nor memory grows with subscriptions that have nothing to do with a topic. Knows no client and no subscription.
 */
import { appendHolders, type Holders, holderOf, withHolder, withoutHolder } from './holders.js'
import { type Child, LevelNode, LevelTree, ownValue } from './level-tree.js'
import { MatchCache } from './match-cache.js'
import { hasWildcard, levelEnd } from './topic.js'

const NOTHING: readonly never[] = Object.freeze([])

/** An index of subscriptions: each filter holds one value per key. Filters are taken as valid and not shared ones. */
export class FilterTree<V extends NonNullable<unknown>, K = string> {
  readonly #exact = new Map<string, Holders<K, V>>()
  readonly #wildcards = new WildcardTree<K, V>()
  readonly #cache = new MatchCache<V>()
  #size = 0

  /** How many values there are. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds the key's value to a filter, or replaces it.
   * @returns the value it replaced
   */
  add(filter: string, key: K, value: V): V | undefined {
    const index = this.#indexOf(filter)
    const holders = index.get(filter)
    const previous = holderOf(holders, key)
    const changed = withHolder(holders, key, value)
    if (changed !== holders) index.set(filter, changed)
    if (previous === undefined) this.#size++
    this.#forget(filter)
    return previous
  }

  /**
   * Removes the key's value from a filter.
   * @returns the value that was there
   */
  remove(filter: string, key: K): V | undefined {
    const index = this.#indexOf(filter)
    const holders = index.get(filter)
    const previous = holderOf(holders, key)
    if (previous === undefined) return undefined
    const changed = withoutHolder(holders, key)
    if (changed === undefined) index.delete(filter)
    else if (changed !== holders) index.set(filter, changed)
    this.#size--
    this.#forget(filter)
    return previous
  }

  /** The key's value at this very filter. */
  get(filter: string, key: K): V | undefined {
    return holderOf(this.#indexOf(filter).get(filter), key)
  }

  /**
   * The values of all filters that match a topic; those of wildcard filters first.
   * The array is shared: it must not be changed, and it may be the same for each call until the tree changes.
   */
  match(topic: string): readonly V[] {
    const cached = this.#cache.get(topic)
    if (cached !== undefined) return cached
    const matched = this.find(topic)
    this.#cache.set(topic, matched)
    return matched
  }

  /** The same, and nothing is remembered of it: where there are many trees, or a topic seldom comes again. */
  find(topic: string): readonly V[] {
    const values: V[] = []
    this.#wildcards.appendMatching(topic, values)
    appendHolders(values, this.#exact.get(topic))
    return values.length === 0 ? NOTHING : values
  }

  #indexOf(filter: string): Map<string, Holders<K, V>> | WildcardTree<K, V> {
    return hasWildcard(filter) ? this.#wildcards : this.#exact
  }

  #forget(filter: string): void {
    if (hasWildcard(filter)) this.#cache.clear()
    // Only the one topic of this name is concerned: the rest of the cache stays good.
    else this.#cache.delete(filter)
  }
}

class WildcardTree<K, V> extends LevelTree<Holders<K, V>> {
  /** Goes down level by level with all nodes that still match, instead of into each one: no stack to overflow. */
  appendMatching(topic: string, values: V[]): void {
    if (this.size === 0) return
    let matching: Child<Holders<K, V>>[] = [this.rootOf(topic)]
    for (let at = 0; at <= topic.length && matching.length > 0; ) {
      const end = levelEnd(topic, at)
      matching = nextLevel(matching, topic.slice(at, end), values)
      at = end + 1
    }
    for (const child of matching) {
      appendHolders(values, ownValue(child))
      // `sport/#` includes its parent level, `sport`
      if (child instanceof LevelNode) appendHolders(values, ownValue(child.child('#')))
    }
  }
}

/** What still matches one level further down; what ends with `#` is complete, and appended. */
function nextLevel<K, V>(
  matching: readonly Child<Holders<K, V>>[],
  level: string,
  values: V[],
): Child<Holders<K, V>>[] {
  const next: Child<Holders<K, V>>[] = []
  for (const node of matching) {
    if (!(node instanceof LevelNode)) continue
    appendHolders(values, ownValue(node.child('#')))
    const plus = node.child('+')
    if (plus !== undefined) next.push(plus)
    const named = node.child(level)
    if (named !== undefined) next.push(named)
  }
  return next
}
