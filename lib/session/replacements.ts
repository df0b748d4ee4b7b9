/**
 * The filters that a session was granted instead of those that its client requested. UNSUBSCRIBE names the requested
 * ones. Must not know whether the subscriptions are live.
 */
import type { SessionSubscription } from '../model/subscription.js'

const NONE: readonly string[] = []

export class Replacements {
  /** Requested filter -> granted ones. Undefined while the session has none, as nearly all do. */
  #granted: Map<string, Set<string>> | undefined

  /** Notes granted subscriptions. */
  note(subscriptions: readonly SessionSubscription[]): void {
    for (const { requested, topic } of subscriptions) this.#add(requested, topic)
  }

  /** Removes a requested filter. @returns the filters that were granted instead of it */
  take(requested: string): Iterable<string> {
    const granted = this.#granted?.get(requested)
    if (granted === undefined) return NONE
    this.#granted!.delete(requested)
    return granted
  }

  /**
   * Restores it, because it could not be removed.
   * @param granted what {@link take} returned, and the requested filter itself
   */
  giveBack(requested: string, granted: readonly string[]): void {
    for (const topic of granted) this.#add(requested, topic)
  }

  #add(requested: string, topic: string): void {
    if (requested === topic) return
    this.#granted ??= new Map()
    const granted = this.#granted.get(requested)
    if (granted === undefined) this.#granted.set(requested, new Set([topic]))
    else granted.add(topic)
  }
}
