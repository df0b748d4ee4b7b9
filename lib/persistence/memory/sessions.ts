/**
 * The sessions in memory: expiry, subscriptions with their index by topic, incoming packet ids, and the queue of each.
 * Must not know messages or limits.
 */
import type { Message } from '../../../types/message/message.js'
import type {
  EventLoopTurns,
  MatchedSubscription,
  MaybePromise,
  SessionChange,
  SessionDetails,
  StoredSession,
  StoredSubscription,
} from '../../../types/persistence.js'
import { filterBytes, identityBytes } from '../../model/metering/session-bytes.js'
import { FilterTree } from '../../topic/filter-tree.js'
import { isSharedFilter } from '../../topic/topic.js'
import { SortedNames } from '../../util/collections/sorted-names.js'
import { type Deadline, Deadlines } from '../deadlines.js'
import { SessionQueue } from './session-queue.js'

/** A session with this expiry interval, in seconds, never expires. */
const NEVER = 0xffff_ffff

/** The stored state of one client. */
export class SessionRecord {
  readonly clientId: string
  /** Undefined if only the base contract was used: there is no session yet. */
  expiryInterval: number | undefined
  /** Deadline of the expiry while the client is not connected. */
  deadline: Deadline<SessionRecord> | undefined
  details: SessionDetails | undefined
  /** Created with the first one: an empty map would take as much memory as the rest of the record. */
  subscriptions: Map<string, MatchedSubscription> | undefined
  /** Packet ids, with the packet if the base contract stored one. */
  incoming: Map<number, Message | undefined> | undefined
  queue: SessionQueue | undefined

  constructor(clientId: string) {
    this.clientId = clientId
  }
}

/** Sessions by client id. */
export class MemorySessions {
  readonly #records = new Map<string, SessionRecord>()
  /** Sorted client ids, for reading pages. */
  readonly #names = new SortedNames()
  readonly #tree = new FilterTree<MatchedSubscription>()
  readonly #deadlines = new Deadlines<SessionRecord>()
  #subscribers = 0
  #subscriptions = 0
  #storableSubscriptions = 0
  #bytes = 0

  /** Bytes of identifiers, user names and filters. */
  get bytes(): number {
    return this.#bytes
  }

  /** The number of sessions. */
  get size(): number {
    return this.#names.size
  }

  /** The number of subscriptions of all clients. */
  get subscriptionCount(): number {
    return this.#subscriptions
  }

  /** The number of clients with subscriptions. */
  get subscribers(): number {
    return this.#subscribers
  }

  /** The number of subscriptions with QoS above 0. */
  get storableSubscriptions(): number {
    return this.#storableSubscriptions
  }

  find(clientId: string): SessionRecord | undefined {
    return this.#records.get(clientId)
  }

  /** The state of a client, created if necessary. */
  obtain(clientId: string): SessionRecord {
    let record = this.#records.get(clientId)
    if (record === undefined) {
      record = new SessionRecord(clientId)
      this.#records.set(clientId, record)
    }
    return record
  }

  /** The queue of a client with stored state. */
  queueOf(clientId: string): SessionQueue | undefined {
    const record = this.#records.get(clientId)
    if (record === undefined) return undefined
    record.queue ??= new SessionQueue()
    return record.queue
  }

  open(clientId: string): StoredSession | undefined {
    const record = this.#records.get(clientId)
    if (record?.expiryInterval === undefined) return undefined
    const session: StoredSession = {
      clientId,
      expiryInterval: record.expiryInterval,
      expiresAt: record.deadline?.at,
      subscriptions: this.subscriptionsOf(clientId),
      incoming: [...(record.incoming?.keys() ?? [])],
    }
    if (record.details !== undefined) session.details = { ...record.details }
    return session
  }

  /** All sessions. */
  *all(): Generator<StoredSession, void, undefined> {
    for (const clientId of this.#records.keys()) {
      const session = this.open(clientId)
      if (session !== undefined) yield session
    }
  }

  /** A page of sessions, in the order of their client ids. */
  after(clientId: string | undefined, limit: number): StoredSession[] {
    return this.#names.after(clientId, limit).map(name => this.open(name)!)
  }

  save({ clientId, expiryInterval, expiresAt, details }: SessionChange): void {
    const record = this.obtain(clientId)
    if (record.expiryInterval === undefined) this.#names.add(clientId)
    else this.#bytes -= identityBytes(clientId, record.details)
    record.expiryInterval = expiryInterval
    if (details !== undefined) record.details = { ...details }
    this.#bytes += identityBytes(clientId, record.details)
    this.#setDeadline(record, expiresAt)
  }

  delete(record: SessionRecord): void {
    this.clearSubscriptions(record.clientId)
    if (record.expiryInterval !== undefined) this.#bytes -= identityBytes(record.clientId, record.details)
    this.#setDeadline(record, undefined)
    this.#names.delete(record.clientId)
    this.#records.delete(record.clientId)
  }

  /** Sets the deadline of sessions whose clients were connected when the last broker ended. */
  recover(now: number): void {
    for (const record of this.#records.values()) {
      const { expiryInterval, deadline } = record
      if (expiryInterval === undefined || expiryInterval === NEVER || deadline !== undefined) continue
      this.#setDeadline(record, now + expiryInterval * 1000)
    }
  }

  expired(now: number, limit: number): string[] {
    return this.#deadlines.due(now, limit).map(({ clientId }) => clientId)
  }

  nextDeadline(): number | undefined {
    return this.#deadlines.next()
  }

  subscribe(clientId: string, subscription: StoredSubscription): void {
    const record = this.obtain(clientId)
    record.subscriptions ??= new Map()
    const { subscriptions } = record
    const { topic } = subscription
    const stored = storedForm(clientId, subscription)
    if (subscriptions.size === 0) this.#subscribers++
    if (!subscriptions.has(topic)) this.#subscriptions++
    const earlier = subscriptions.get(topic)
    this.#storableSubscriptions += Number(stored.qos > 0) - Number((earlier?.qos ?? 0) > 0)
    this.#bytes += filterBytes(stored) - (earlier === undefined ? 0 : filterBytes(earlier))
    subscriptions.set(topic, stored)
    if (isSharedFilter(topic)) return
    if (stored.qos > 0) this.#tree.add(topic, clientId, stored)
    else this.#tree.remove(topic, clientId)
  }

  unsubscribe(clientId: string, topic: string): void {
    const record = this.#records.get(clientId)
    const stored = record?.subscriptions?.get(topic)
    if (record?.subscriptions === undefined || stored === undefined) return
    record.subscriptions.delete(topic)
    this.#subscriptions--
    this.#bytes -= filterBytes(stored)
    this.#tree.remove(topic, clientId)
    if (stored.qos > 0) this.#storableSubscriptions--
    if (record.subscriptions.size > 0) return
    record.subscriptions = undefined
    this.#subscribers--
    this.discardIfEmpty(record)
  }

  clearSubscriptions(clientId: string): void {
    const record = this.#records.get(clientId)
    for (const topic of record?.subscriptions?.keys() ?? []) this.unsubscribe(clientId, topic)
  }

  subscriptionsOf(clientId: string): StoredSubscription[] {
    const subscriptions = this.#records.get(clientId)?.subscriptions?.values() ?? []
    return Array.from(subscriptions, ({ clientId: _, ...subscription }) => subscription)
  }

  /** Subscriptions with QoS above 0, not shared, that match a topic. */
  match(topic: string, turns: EventLoopTurns | undefined): MaybePromise<readonly MatchedSubscription[]> {
    return turns === undefined ? this.#tree.match(topic) : this.#tree.matchInTurns(topic, turns)
  }

  *shared(): Generator<MatchedSubscription, void, undefined> {
    for (const { subscriptions } of this.#records.values()) {
      for (const subscription of subscriptions?.values() ?? [])
        if (isSharedFilter(subscription.topic)) yield subscription
    }
  }

  /** Ids of the clients with a subscription to exactly this filter. */
  *subscribersOf(filter: string): Generator<string, void, undefined> {
    for (const { clientId, subscriptions } of this.#records.values()) if (subscriptions?.has(filter)) yield clientId
  }

  /** Removes a client without stored state, unless it has a session. */
  discardIfEmpty(record: SessionRecord): void {
    const { clientId, expiryInterval, subscriptions, incoming, queue } = record
    if (expiryInterval !== undefined || subscriptions !== undefined) return
    if ((incoming?.size ?? 0) === 0 && (queue?.size.messages ?? 0) === 0) this.#records.delete(clientId)
  }

  #setDeadline(record: SessionRecord, expiresAt: number | undefined): void {
    this.#deadlines.remove(record.deadline)
    record.deadline = expiresAt === undefined ? undefined : this.#deadlines.add(record, expiresAt)
  }
}

/** Copies a subscription, with all fields of the base contract, and the identifier if there is one. */
function storedForm(clientId: string, subscription: StoredSubscription): MatchedSubscription {
  const { topic, qos, nl, rap, rh, subscriptionIdentifier, requested } = subscription
  const stored = { clientId, topic, qos, nl, rap, rh } as MatchedSubscription
  if (subscriptionIdentifier !== undefined) stored.subscriptionIdentifier = subscriptionIdentifier
  if (requested !== undefined) stored.requested = requested
  return stored
}
