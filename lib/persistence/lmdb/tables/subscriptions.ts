/**
 * The subscriptions of the LMDB store, and their index by topic in memory. Opening a store reads nothing else. Knows
 * sessions by number only. Methods that write must be called inside a change of the writer.
 */
import type {
  EventLoopTurns,
  MatchedSubscription,
  MaybePromise,
  StoredSubscription,
} from '../../../../types/persistence.js'
import { filterBytes } from '../../../model/metering/session-bytes.js'
import { FilterTree } from '../../../topic/filter-tree.js'
import { isSharedFilter } from '../../../topic/topic.js'
import { numberKey, textKey } from '../engine/encoding.js'
import type { Counters, LmdbEnvironment } from '../engine/environment.js'
import type { Table } from '../engine/table.js'
import type { LmdbWriter } from '../engine/writer.js'
import type { SessionRecord } from './sessions.js'

export type SubscriptionRow = readonly [
  clientId: string,
  topic: string,
  qos: MatchedSubscription['qos'],
  nl: boolean | undefined,
  rap: boolean | undefined,
  rh: 0 | 1 | 2 | undefined,
  subscriptionIdentifier: number | undefined,
  requested?: string | undefined,
]

/** Subscriptions by session, and by topic. */
export class LmdbSubscriptions {
  readonly #table: Table<SubscriptionRow>
  readonly #counters: Counters
  readonly #writer: LmdbWriter
  readonly #tree = new FilterTree<MatchedSubscription>()
  /** By client, then by filter. */
  readonly #shared = new Map<string, Map<string, MatchedSubscription>>()

  constructor(environment: LmdbEnvironment, writer: LmdbWriter) {
    this.#table = environment.table('subscriptions')
    this.#counters = environment.counters
    this.#writer = writer
    for (const row of this.#table.values()) this.#index(subscriptionOf(row))
  }

  /** Subscriptions of all sessions. */
  get size(): number {
    return this.#table.size
  }

  add(session: SessionRecord, subscription: StoredSubscription): void {
    const { clientId } = session
    const { topic, qos, nl, rap, rh, subscriptionIdentifier, requested } = subscription
    const row: SubscriptionRow = [clientId, topic, qos, nl, rap, rh, subscriptionIdentifier, requested]
    const key = subscriptionKey(session, topic)
    const earlier = this.#table.get(key)
    if (earlier === undefined && !this.hasAny(session)) this.#counters.subscribers++
    this.#counters.sessionBytes += rowBytes(row) - (earlier === undefined ? 0 : rowBytes(earlier))
    this.#counters.storableSubscriptions += Number(qos > 0) - Number(earlier !== undefined && earlier[2] > 0)
    this.#table.put(key, row)
    this.#writer.afterCommit(() => this.#index(subscriptionOf(row)))
  }

  remove(session: SessionRecord, topic: string): void {
    const key = subscriptionKey(session, topic)
    const earlier = this.#table.get(key)
    if (earlier === undefined) return
    this.#table.delete(key)
    this.#counters.sessionBytes -= rowBytes(earlier)
    if (earlier[2] > 0) this.#counters.storableSubscriptions--
    if (!this.hasAny(session)) this.#counters.subscribers--
    this.#writer.afterCommit(() => this.#forget(session.clientId, topic))
  }

  clear(session: SessionRecord): void {
    const rows = this.#rows(session, Number.MAX_SAFE_INTEGER)
    if (rows.length === 0) return
    for (const { key, value } of rows) {
      this.#table.delete(key)
      this.#counters.sessionBytes -= rowBytes(value)
      if (value[2] > 0) this.#counters.storableSubscriptions--
    }
    this.#counters.subscribers--
    this.#writer.afterCommit(() => {
      for (const { value } of rows) this.#forget(session.clientId, value[1])
    })
  }

  hasAny(session: SessionRecord): boolean {
    return this.#rows(session, 1).length > 0
  }

  /** A session's subscriptions. */
  of(session: SessionRecord): StoredSubscription[] {
    return this.#rows(session, Number.MAX_SAFE_INTEGER).map(({ value }) => {
      const { clientId: _, ...subscription } = subscriptionOf(value)
      return subscription
    })
  }

  /** Subscriptions with QoS above 0, not shared, that match a topic. */
  match(topic: string, turns: EventLoopTurns | undefined): MaybePromise<readonly MatchedSubscription[]> {
    return turns === undefined ? this.#tree.match(topic) : this.#tree.matchInTurns(topic, turns)
  }

  *shared(): Generator<MatchedSubscription, void, undefined> {
    for (const subscriptions of this.#shared.values()) yield* subscriptions.values()
  }

  /** Ids of the clients that subscribe to exactly this filter. */
  *subscribersOf(filter: string): Generator<string, void, undefined> {
    for (const [clientId, topic] of this.#table.values()) if (topic === filter) yield clientId
  }

  #rows({ number }: SessionRecord, limit: number) {
    return this.#table.rows({ start: numberKey(number), end: numberKey(number + 1), limit })
  }

  #index(subscription: MatchedSubscription): void {
    const { clientId, topic, qos } = subscription
    if (isSharedFilter(topic)) this.#indexShared(subscription)
    else if (qos > 0) this.#tree.add(topic, clientId, subscription)
    else this.#tree.remove(topic, clientId)
  }

  #indexShared(subscription: MatchedSubscription): void {
    const { clientId, topic } = subscription
    const subscriptions = this.#shared.get(clientId) ?? new Map<string, MatchedSubscription>()
    subscriptions.set(topic, subscription)
    this.#shared.set(clientId, subscriptions)
  }

  #forget(clientId: string, topic: string): void {
    if (!isSharedFilter(topic)) {
      this.#tree.remove(topic, clientId)
      return
    }
    const subscriptions = this.#shared.get(clientId)
    subscriptions?.delete(topic)
    if (subscriptions?.size === 0) this.#shared.delete(clientId)
  }
}

function subscriptionKey({ number }: SessionRecord, topic: string): Buffer {
  return Buffer.concat([numberKey(number), textKey(topic)])
}

/** The subscription in a row. The fields of the base contract are always present, the others if they have a value. */
export function subscriptionOf(row: SubscriptionRow): MatchedSubscription {
  const [clientId, topic, qos, nl, rap, rh, subscriptionIdentifier, requested] = row
  const subscription = { clientId, topic, qos, nl, rap, rh } as MatchedSubscription
  if (subscriptionIdentifier !== undefined) subscription.subscriptionIdentifier = subscriptionIdentifier
  if (requested !== undefined) subscription.requested = requested
  return subscription
}

function rowBytes([, topic, , , , , , requested]: SubscriptionRow): number {
  return filterBytes({ topic, requested })
}
