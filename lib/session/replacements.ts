/**
 * Which filters a session was granted instead of those that its client asked for. UNSUBSCRIBE names what the client asked
 * for. Must not know whether the subscriptions are live.
 */
import type { SessionSubscription } from '../model/subscription.js'

const NONE: readonly string[] = []

export class Replacements {
  /** Requested filter -> granted ones. Undefined while the session has none, as nearly all do. */
  #granted: Map<string, Set<string>> | undefined

  /** Subscriptions are granted. */
  note(subscriptions: readonly SessionSubscription[]): void {
    for (const { requested, topic } of subscriptions) {
      if (requested === topic) continue
      this.#granted ??= new Map()
      const granted = this.#granted.get(requested)
      if (granted === undefined) this.#granted.set(requested, new Set([topic]))
      else granted.add(topic)
    }
  }

  /** A requested filter is given up. @returns what was granted instead of it */
  take(requested: string): Iterable<string> {
    const granted = this.#granted?.get(requested)
    if (granted === undefined) return NONE
    this.#granted!.delete(requested)
    return granted
  }
}
