/**
 * Topic -> what it matched. Owns the bound on the memory that takes; knows nothing of filters.
 * Two generations stand in for a least-recently-used list: when the young one is full the old one is forgotten,
 * and a topic that is asked for again moves back to the young.
 */

/** Array slots in one generation: about 2 MB of references. */
const MAX_WEIGHT = 1 << 18
/** What an entry weighs beside its values. */
const ENTRY_WEIGHT = 16
/** Longer topics are not kept: a client could fill the memory with them. */
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

  /** Forgets one topic. Its weight stays counted until the generation ends, which errs on the safe side. */
  delete(topic: string): void {
    this.#young.delete(topic)
    this.#old.delete(topic)
  }

  /** Forgets everything; costs the same however much there is. */
  clear(): void {
    if (this.#young.size > 0) this.#young = new Map()
    if (this.#old.size > 0) this.#old = new Map()
    this.#weight = 0
  }
}
