/**
 * Limits the subscriptions of a session. Counts what the session will have once the packets under way are done: several
 * of them may be stored and not live yet. Must not know the store.
 */
import { AnaxError } from '../errors.js'

/** The changes of one filter by packets under way. */
interface Change {
  /** Whether the session will have it after the last of these packets. */
  outcome: 'present' | 'absent'
  packets: number
}

/** The session whose subscriptions are counted. */
interface Counted {
  readonly subscriptions: ReadonlyMap<string, unknown>
}

export class SubscriptionQuota {
  readonly #session: Counted
  readonly #changes = new Map<string, Change>()

  constructor(session: Counted) {
    this.#session = session
  }

  /**
   * Claims room for subscriptions that are about to be made. One that replaces another needs none.
   * @param limit how many the session may have
   * @returns per filter an error if there is no room for it: then nothing was claimed
   */
  claim(filters: readonly string[], limit: number): (AnaxError | undefined)[] {
    let room = limit - this.#expected()
    return filters.map(filter => {
      if (!this.#isPresent(filter) && room-- <= 0) {
        return new AnaxError('ANAX_ERR_QUOTA', { detail: `a session may have ${limit} subscriptions` })
      }
      this.#note(filter, 'present')
      return undefined
    })
  }

  /** Subscriptions are about to end. */
  release(filters: readonly string[]): void {
    for (const filter of filters) this.#note(filter, 'absent')
  }

  /** Ends a claim or release, done or not: from now on the session's subscriptions count. */
  settle(filters: readonly string[]): void {
    for (const filter of filters) {
      const change = this.#changes.get(filter)
      if (change !== undefined && --change.packets === 0) this.#changes.delete(filter)
    }
  }

  #isPresent(filter: string): boolean {
    const change = this.#changes.get(filter)
    return change === undefined ? this.#has(filter) : change.outcome === 'present'
  }

  #note(filter: string, outcome: Change['outcome']): void {
    const packets = (this.#changes.get(filter)?.packets ?? 0) + 1
    this.#changes.set(filter, { outcome, packets })
  }

  #has(filter: string): boolean {
    return this.#session.subscriptions.has(filter)
  }

  #expected(): number {
    let count = this.#session.subscriptions.size
    for (const [filter, { outcome }] of this.#changes) {
      if (outcome === 'present' && !this.#has(filter)) count++
      else if (outcome === 'absent' && this.#has(filter)) count--
    }
    return count
  }
}
