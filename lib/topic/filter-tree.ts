/**
 * An index from topic filters to values, which finds all filters that match a topic. Owns matching and its cache.
 * Filters without wildcards are in a flat Map, all others in a tree of levels. So the cost of a match does not depend on
 * subscriptions to unrelated topics. Must not know clients or subscriptions.
 */
import { appendHolders, type Holders, holderOf, withHolder, withoutHolder } from './holders.js'
import { type Child, LevelNode, LevelTree, ownValue } from './level-tree.js'
import { MatchCache } from './match-cache.js'
import { hasWildcard, levelEnd } from './topic.js'

const NOTHING: readonly never[] = Object.freeze([])

/** An index of subscriptions: each filter has one value per key. Filters must be valid and not shared. */
export class FilterTree<V extends NonNullable<unknown>, K = string> {
  readonly #exact = new Map<string, Holders<K, V>>()
  readonly #wildcards = new WildcardTree<K, V>()
  readonly #cache = new MatchCache<V>()
  #size = 0

  /** The number of values. */
  get size(): number {
    return this.#size
  }

  /**
   * Sets the key's value for a filter.
   * @returns the previous value
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
   * Removes the key's value for a filter.
   * @returns the removed value
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

  /** The key's value for exactly this filter. */
  get(filter: string, key: K): V | undefined {
    return holderOf(this.#indexOf(filter).get(filter), key)
  }

  /**
   * The values of all filters that match a topic, wildcard filters first.
   * The array may be cached and shared between calls: it must not be changed.
   */
  match(topic: string): readonly V[] {
    const cached = this.#cache.get(topic)
    if (cached !== undefined) return cached
    const matched = this.find(topic)
    this.#cache.set(topic, matched)
    return matched
  }

  /** The same without the cache, for many trees or topics that rarely repeat. */
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
    // A filter without wildcards affects only the topic with the same name: the rest of the cache stays valid.
    else this.#cache.delete(filter)
  }
}

class WildcardTree<K, V> extends LevelTree<Holders<K, V>> {
  /** Searches level by level with all nodes that still match, without recursion: no stack can overflow. */
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

/** The nodes that match one level further down. Filters that end with `#` match completely, and are appended. */
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
