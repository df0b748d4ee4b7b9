/**
 * A cache from topics to their matches. Owns its memory bound; must not know filters.
 * Two generations approximate a least-recently-used list: when the young one is full, the old one is discarded; a topic
 * that is requested again moves to the young one.
 */

/** Array slots in one generation: about 2 MB of references. */
const MAX_WEIGHT = 1 << 18
/** The weight of an entry without its values. */
const ENTRY_WEIGHT = 16
/** Longer topics are not cached: a client could fill the memory with them. */
const MAX_TOPIC_LENGTH = 256

/** A bounded cache of match results. */
export class MatchCache<V> {
  #young = new Map<string, readonly V[]>()
  #old = new Map<string, readonly V[]>()
  #weight = 0

  get(topic: string): readonly V[] | undefined {
    const values = this.#young.get(topic)
    if (values !== undefined) return values
    const older = this.#old.get(topic)
    if (older !== undefined) this.set(topic, older)
    return older
  }

  set(topic: string, values: readonly V[]): void {
    if (topic.length > MAX_TOPIC_LENGTH) return
    const weight = ENTRY_WEIGHT + values.length
    if (this.#weight + weight > MAX_WEIGHT) {
      this.#old = this.#young
      this.#young = new Map()
      this.#weight = 0
    }
    this.#weight += weight
    this.#young.set(topic, values)
  }

  /** Removes one topic. Its weight counts until the generation ends, which can only make the cache smaller. */
  delete(topic: string): void {
    this.#young.delete(topic)
    this.#old.delete(topic)
  }

  /** Removes everything, in constant time. */
  clear(): void {
    if (this.#young.size > 0) this.#young = new Map()
    if (this.#old.size > 0) this.#old = new Map()
    this.#weight = 0
  }
}
