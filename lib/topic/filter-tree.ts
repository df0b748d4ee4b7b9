/**
 * An index from topic filters to values, which finds all filters that match a topic. Owns matching and its cache.
 * Filters without wildcards are in a flat Map, all others in a tree of levels. So the cost of a match does not depend
 * on subscriptions to unrelated topics. Must not know clients or subscriptions.
 */
import type { EventLoopTurns, MaybePromise } from '../../types/persistence.js'
import { FilterSearch } from './filter-search.js'
import { type Holders, holderOf, withHolder, withoutHolder } from './holders.js'
import { type LevelNode, LevelTree } from './level-tree.js'
import { MatchCache } from './match-cache.js'
import { hasWildcard } from './topic.js'

const NOTHING: readonly never[] = Object.freeze([])

/** An index of subscriptions: each filter has one value per key. Filters must be valid and not shared. */
export class FilterTree<V extends NonNullable<unknown>, K = string> {
  readonly #exact = new Map<string, Holders<K, V>>()
  readonly #wildcards = new WildcardTree<K, V>()
  readonly #cache = new MatchCache<V>()
  #size = 0
  /** The number of changes so far. */
  #version = 0

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
    return this.known(topic) ?? this.found(this.#completed(topic))
  }

  /** The same, in as many turns of the event loop as needed. */
  matchInTurns(topic: string, turns: EventLoopTurns): MaybePromise<readonly V[]> {
    const known = this.known(topic)
    if (known !== undefined) return known
    const search = this.search(topic)
    return turns.inTurns(() => {
      turns.spend(search.runPart())
      return search.isDone ? this.found(search) : undefined
    })
  }

  /** The same, if it is cached from an earlier match. */
  known(topic: string): readonly V[] | undefined {
    return this.#cache.get(topic)
  }

  /** Begins the same search in steps. Its values may be shared, too, when it is done. */
  search(topic: string): FilterSearch<K, V> {
    return new FilterSearch(topic, this.#wildcards.rootFor(topic), this.#exact.get(topic), this.#version)
  }

  /** Caches and returns the values of a finished search. */
  found(search: FilterSearch<K, V>): readonly V[] {
    const values = search.values.length === 0 ? NOTHING : search.values
    if (search.version === this.#version) this.#cache.set(search.topic, values)
    return values
  }

  /**
   * The same as {@link match} without caching: for small trees that exist in large numbers, or topics that rarely
   * repeat.
   */
  find(topic: string): readonly V[] {
    return this.#completed(topic).values
  }

  #completed(topic: string): FilterSearch<K, V> {
    const search = this.search(topic)
    search.run(Number.POSITIVE_INFINITY)
    return search
  }

  #indexOf(filter: string): Map<string, Holders<K, V>> | WildcardTree<K, V> {
    return hasWildcard(filter) ? this.#wildcards : this.#exact
  }

  #forget(filter: string): void {
    this.#version++
    if (hasWildcard(filter)) this.#cache.clear()
    // A filter without wildcards affects only the topic with the same name: the rest of the cache stays valid.
    else this.#cache.delete(filter)
  }
}

/** The filters with wildcards. */
class WildcardTree<K, V> extends LevelTree<Holders<K, V>> {
  /** The node where a search begins; undefined if there is no filter. */
  rootFor(topic: string): LevelNode<Holders<K, V>> | undefined {
    return this.size === 0 ? undefined : this.rootOf(topic)
  }
}
