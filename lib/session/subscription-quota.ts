/**
 * Limits the number and bytes of the subscriptions of a session. Counts what the session will have once all pending
 * packets are processed: several of them may be stored and not live yet. Must not know the store.
 */
import { AnaxError } from '../errors.js'
import { type SubscriptionLoad, subscriptionBytes } from '../model/metering/subscription-bytes.js'

/** The changes of one filter by pending packets. */
interface Change {
  /** Whether the session will have it after the last of these packets. */
  outcome: 'present' | 'absent'
  packets: number
  /** Bytes that are already counted for all clients. */
  claimed: number
}

/** The session whose subscriptions are counted. */
interface Counted {
  readonly subscriptions: ReadonlyMap<string, unknown>
  readonly subscriptionBytes: number
}

/** The limits. */
export interface SubscriptionLimits {
  readonly maxSubscriptions: number
  readonly maxSubscriptionBytes: number
  readonly maxTotalSubscriptionBytes: number
}

export class SubscriptionQuota {
  readonly #session: Counted
  readonly #load: SubscriptionLoad
  readonly #changes = new Map<string, Change>()

  /** @param load the sum of all clients */
  constructor(session: Counted, load: SubscriptionLoad) {
    this.#session = session
    this.#load = load
  }

  /**
   * Claims room for new subscriptions. One that replaces another needs none.
   * @returns undefined if there is room for all; otherwise for each filter an error if there is no room for it: then
   * nothing was claimed for it. Filters share the error, because creating thousands of them took longer than everything
   * else
   */
  claim(filters: readonly string[], limits: SubscriptionLimits): (AnaxError | undefined)[] | undefined {
    const expected = this.#expected()
    let errors: (AnaxError | undefined)[] | undefined
    let shared: Map<string, AnaxError> | undefined
    for (const [index, filter] of filters.entries()) {
      if (this.#isPresent(filter)) {
        this.#note(filter, 'present', 0)
        continue
      }
      const bytes = subscriptionBytes(filter)
      const detail = this.#refusal(expected.count + 1, expected.bytes + bytes, this.#load.bytes + bytes, limits)
      if (detail === undefined) {
        expected.count++
        expected.bytes += bytes
        this.#note(filter, 'present', bytes)
        continue
      }
      errors ??= Array.from({ length: filters.length })
      shared ??= new Map()
      errors[index] = errorOf(detail, shared)
    }
    return errors
  }

  /** Notes subscriptions that are about to end. */
  release(filters: readonly string[]): void {
    for (const filter of filters) this.#note(filter, 'absent', 0)
  }

  /** Ends a claim or release, whether it succeeded or not: from now on the session's subscriptions count. */
  settle(filters: readonly string[]): void {
    for (const filter of filters) {
      const change = this.#changes.get(filter)
      if (change === undefined || --change.packets > 0) continue
      this.#changes.delete(filter)
      this.#load.bytes -= change.claimed
    }
  }

  #refusal(count: number, bytes: number, bytesOfAll: number, limits: SubscriptionLimits): string | undefined {
    const { maxSubscriptions, maxSubscriptionBytes, maxTotalSubscriptionBytes } = limits
    if (count > maxSubscriptions) return `a session may have ${maxSubscriptions} subscriptions`
    if (bytes > maxSubscriptionBytes) return `the subscriptions of a client may have ${maxSubscriptionBytes} bytes`
    if (bytesOfAll > maxTotalSubscriptionBytes) {
      return `all subscriptions together may have ${maxTotalSubscriptionBytes} bytes`
    }
    return undefined
  }

  #isPresent(filter: string): boolean {
    const change = this.#changes.get(filter)
    return change === undefined ? this.#has(filter) : change.outcome === 'present'
  }

  #note(filter: string, outcome: Change['outcome'], bytes: number): void {
    const earlier = this.#changes.get(filter)
    const { packets = 0, claimed = 0 } = earlier ?? {}
    this.#changes.set(filter, { outcome, packets: packets + 1, claimed: claimed + bytes })
    this.#load.bytes += bytes
  }

  #has(filter: string): boolean {
    return this.#session.subscriptions.has(filter)
  }

  #expected(): { count: number; bytes: number } {
    let count = this.#session.subscriptions.size
    let bytes = this.#session.subscriptionBytes
    for (const [filter, { outcome }] of this.#changes) {
      const had = this.#has(filter)
      if (had === (outcome === 'present')) continue
      count += had ? -1 : 1
      bytes += had ? -subscriptionBytes(filter) : subscriptionBytes(filter)
    }
    return { count, bytes }
  }
}

function errorOf(detail: string, errors: Map<string, AnaxError>): AnaxError {
  const known = errors.get(detail)
  if (known !== undefined) return known
  const error = new AnaxError('ANAX_ERR_QUOTA', { detail })
  errors.set(detail, error)
  return error
}
