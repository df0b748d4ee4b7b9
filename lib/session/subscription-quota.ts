/**
 * How many subscriptions a session may have. Owns what it will have once the packets under way are done: of those,
 * several may be between their store and their routing. Must not know the store.
 */
import { AnaxError } from '../errors.js'
import type { Session } from './session.js'

/** What the packets under way make of one filter. */
interface Change {
  /** What it comes to, after the last of them. */
  leads: 'present' | 'absent'
  packets: number
}

export class SubscriptionQuota {
  readonly #limit: number
  readonly #session: Pick<Session, 'subscriptions'>
  readonly #changes = new Map<string, Change>()

  constructor(limit: number, session: Pick<Session, 'subscriptions'>) {
    this.#limit = limit
    this.#session = session
  }

  /**
   * Subscriptions are about to be made; one that replaces another needs no room.
   * @returns per filter why not, where there is no room: then nothing was claimed for it
   */
  claim(filters: readonly string[]): (AnaxError | undefined)[] {
    let room = this.#limit - this.#expected
    return filters.map(filter => {
      if (!this.#isPresent(filter) && room-- <= 0) {
        return new AnaxError('ANAX_ERR_QUOTA', { detail: `a session may have ${this.#limit} subscriptions` })
      }
      this.#note(filter, 'present')
      return undefined
    })
  }

  /** Subscriptions are about to end. */
  release(filters: readonly string[]): void {
    for (const filter of filters) this.#note(filter, 'absent')
  }

  /** What was claimed or released is done, or given up: the session's subscriptions tell now. */
  settle(filters: readonly string[]): void {
    for (const filter of filters) {
      const change = this.#changes.get(filter)
      if (change !== undefined && --change.packets === 0) this.#changes.delete(filter)
    }
  }

  #isPresent(filter: string): boolean {
    const change = this.#changes.get(filter)
    return change === undefined ? this.#has(filter) : change.leads === 'present'
  }

  #note(filter: string, leads: Change['leads']): void {
    const packets = (this.#changes.get(filter)?.packets ?? 0) + 1
    this.#changes.set(filter, { leads, packets })
  }

  #has(filter: string): boolean {
    return this.#session.subscriptions.has(filter)
  }

  get #expected(): number {
    let count = this.#session.subscriptions.size
    for (const [filter, { leads }] of this.#changes) {
      if (leads === 'present' && !this.#has(filter)) count++
      else if (leads === 'absent' && this.#has(filter)) count--
    }
    return count
  }
}
