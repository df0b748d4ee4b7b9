/**
 * Subscriptions of the sessions that were connected to this broker since its start. Some stores lose one in their index
 * when filters of a session overlap, and none returns subscription identifiers. Must not know the store.
 */
import type { MatchedSubscription, StoredSubscription } from '../../../types/persistence.js'
import { FilterTree } from '../../topic/filter-tree.js'
import { isSharedFilter } from '../../topic/topic.js'

export class KnownSubscriptions {
  readonly #tree = new FilterTree<MatchedSubscription>()
  readonly #topics = new Map<string, Set<string>>()

  add(clientId: string, subscriptions: readonly StoredSubscription[]): void {
    for (const subscription of subscriptions) {
      const { topic, qos } = subscription
      if (qos === 0 || isSharedFilter(topic)) {
        this.remove(clientId, [topic])
        continue
      }
      this.#tree.add(topic, clientId, { ...subscription, clientId })
      const topics = this.#topics.get(clientId) ?? new Set()
      this.#topics.set(clientId, topics.add(topic))
    }
  }

  remove(clientId: string, topics: readonly string[]): void {
    const known = this.#topics.get(clientId)
    for (const topic of topics) if (known?.delete(topic)) this.#tree.remove(topic, clientId)
    if (known?.size === 0) this.#topics.delete(clientId)
  }

  clear(clientId: string): void {
    this.remove(clientId, [...(this.#topics.get(clientId) ?? [])])
  }

  /** Adds the missing subscriptions to the store's result. */
  complete(topic: string, found: readonly MatchedSubscription[]): MatchedSubscription[] {
    const known = this.#tree.match(topic)
    const isKnown = ({ clientId, topic: filter }: MatchedSubscription) => this.#tree.get(filter, clientId) !== undefined
    return [...found.filter(each => !isKnown(each)), ...known]
  }
}
