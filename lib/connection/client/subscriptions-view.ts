/**
 * The subscriptions of a session as the host sees them: always the current ones, and each as a plain object.
 * Owns the view; the session cannot be reached or changed through it.
 */
import { inspect } from 'node:util'
import type { ClientSubscription } from '../../../types/client/client.js'
import type { SessionSubscription } from '../../model/subscription.js'

/** The session whose subscriptions are shown. */
interface Viewed {
  readonly subscriptions: ReadonlyMap<string, SessionSubscription>
}

export class SubscriptionsView implements ReadonlyMap<string, ClientSubscription> {
  readonly #session: Viewed

  constructor(session: Viewed) {
    this.#session = session
  }

  get size(): number {
    return this.#session.subscriptions.size
  }

  has(topic: string): boolean {
    return this.#session.subscriptions.has(topic)
  }

  get(topic: string): ClientSubscription | undefined {
    return this.#session.subscriptions.get(topic)?.toJSON()
  }

  keys(): MapIterator<string> {
    return this.#session.subscriptions.keys()
  }

  *values(): MapIterator<ClientSubscription> {
    for (const subscription of this.#session.subscriptions.values()) yield subscription.toJSON()
  }

  *entries(): MapIterator<[string, ClientSubscription]> {
    for (const [topic, subscription] of this.#session.subscriptions) yield [topic, subscription.toJSON()]
  }

  [Symbol.iterator](): MapIterator<[string, ClientSubscription]> {
    return this.entries()
  }

  forEach(
    callback: (subscription: ClientSubscription, topic: string, map: ReadonlyMap<string, ClientSubscription>) => void,
    thisArg?: unknown,
  ): void {
    for (const [topic, subscription] of this) callback.call(thisArg, subscription, topic, this)
  }

  /** Printed like a Map. */
  [inspect.custom](): Map<string, ClientSubscription> {
    return new Map(this)
  }
}
