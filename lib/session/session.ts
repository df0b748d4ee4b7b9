/**
 * What outlives a stream: a client's subscriptions, its unreleased packet ids, and its messages on the way.
 * Does no I/O: while the client is connected a link does it, otherwise the store alone has the session.
 */
import type { MaybePromise, QueueLimits } from '../../types/persistence.js'
import type { Delivery } from '../model/delivery.js'
import type { SharedDelivery } from '../model/shared-delivery.js'
import type { Subscriber } from '../model/subscriber.js'
import type { SessionSubscription } from '../model/subscription.js'
import { FilterTree } from '../topic/filter-tree.js'
import { isSharedFilter } from '../topic/topic.js'
import { Outgoing } from './outgoing.js'
import type { Link, Ports } from './ports.js'
import { SubscriptionQuota } from './subscription-quota.js'

/** How a session is kept. */
export interface SessionKeeping {
  /** Seconds. */
  expiryInterval: number
  stored: boolean
  limits: QueueLimits
}

const NO_SUBSCRIPTIONS: ReadonlyMap<string, SessionSubscription> = new Map()
const NO_PACKET_IDS: ReadonlySet<number> = new Set()
const NO_IDENTIFIERS: readonly number[] = []

export class Session implements Subscriber {
  readonly id: string
  readonly #ports: Ports
  readonly limits: QueueLimits
  /**
   * Whether the store has it. Decided when it is opened: an expiry of 0 cannot be raised later [MQTT-3.14.2-2],
   * and one that is lowered in DISCONNECT ends the session with the connection.
   */
  readonly stored: boolean
  /** Seconds that the session lives without its connection. */
  expiryInterval: number
  // most clients do one thing: what the others need is made when it is needed
  #subscriptions: Map<string, SessionSubscription> | undefined
  /** The identifiers of QoS 0 subscriptions, by filter. */
  #identifiersOfQoS0: FilterTree<number, this> | undefined
  #subscriptionQuota: SubscriptionQuota | undefined
  #incoming: Set<number> | undefined
  /** Those of earlier connections that the client has not sent again. */
  #incomingBefore: Set<number> | undefined
  #link: Link | undefined
  #quota = 0
  #outgoing: Outgoing | undefined

  constructor(id: string, keeping: SessionKeeping, ports: Ports) {
    this.id = id
    this.expiryInterval = keeping.expiryInterval
    this.stored = keeping.stored
    this.limits = keeping.limits
    this.#ports = ports
  }

  /** Topic filter -> subscription. */
  get subscriptions(): ReadonlyMap<string, SessionSubscription> {
    return this.#subscriptions ?? NO_SUBSCRIPTIONS
  }

  /** Packet ids of QoS 2 messages that the client sent and has not released [MQTT-4.3.3-10]. */
  get incoming(): ReadonlySet<number> {
    return this.#incoming ?? NO_PACKET_IDS
  }

  /** Whether its client is connected. */
  get isAttached(): boolean {
    return this.#link !== undefined
  }

  /** What is on its way to the client; undefined while it is not connected. */
  get outgoing(): Outgoing | undefined {
    if (this.#outgoing === undefined && this.#link !== undefined) {
      this.#outgoing = new Outgoing(this, this.#link, this.#ports, this.#quota)
    }
    return this.#outgoing
  }

  /** How much is under way to the client. */
  get load(): number {
    return this.#outgoing?.load ?? 0
  }

  /** Connects it to a client that takes `quota` unacknowledged messages. */
  attach(link: Link, quota: number): void {
    this.#link = link
    this.#quota = quota
  }

  /** The connection ends, and the session stays: see {@link Outgoing.queueReplays}. Rejects where the store fails. */
  async queueReplays(): Promise<void> {
    if (this.stored) await this.#outgoing?.queueReplays()
  }

  /** The connection is over. @returns what came through shared subscriptions and can go to other members */
  async detach(): Promise<SharedDelivery[]> {
    const outgoing = this.#outgoing
    this.#link = undefined
    this.#outgoing = undefined
    if (outgoing === undefined) return []
    const left = outgoing.close()
    await outgoing.sender.settled()
    return left
  }

  /** A message for the client; lost if it is not connected, for then the store has what is to be kept. */
  deliver(delivery: Delivery): void {
    this.outgoing?.deliver(delivery)
  }

  readStored(): void {
    this.outgoing?.readStored()
  }

  /** Identifiers of QoS 0 subscriptions that match a topic: the store queues for the others only, and knows only theirs. */
  identifiersOfQoS0(topic: string): readonly number[] {
    if (this.#identifiersOfQoS0 === undefined) {
      this.#identifiersOfQoS0 = new FilterTree()
      for (const subscription of this.subscriptions.values()) this.#noteIdentifier(subscription)
    }
    return this.#identifiersOfQoS0.size === 0 ? NO_IDENTIFIERS : this.#identifiersOfQoS0.find(topic)
  }

  /** How many subscriptions it may have; undefined without a limit. */
  get subscriptionQuota(): SubscriptionQuota | undefined {
    const { maxSubscriptions } = this.#ports.options
    if (maxSubscriptions === Number.POSITIVE_INFINITY) return undefined
    this.#subscriptionQuota ??= new SubscriptionQuota(maxSubscriptions, this)
    return this.#subscriptionQuota
  }

  addSubscription(subscription: SessionSubscription): void {
    this.#subscriptions ??= new Map()
    this.#subscriptions.set(subscription.topic, subscription)
    this.#noteIdentifier(subscription)
  }

  removeSubscription(topic: string): void {
    this.#subscriptions?.delete(topic)
    this.#identifiersOfQoS0?.remove(topic, this)
    this.#outgoing?.endReplay(topic)
  }

  #noteIdentifier({ topic, qos, subscriptionIdentifier }: SessionSubscription): void {
    if (qos > 0 || subscriptionIdentifier === undefined) this.#identifiersOfQoS0?.remove(topic, this)
    else if (!isSharedFilter(topic)) this.#identifiersOfQoS0?.add(topic, this, subscriptionIdentifier)
  }

  /** How many of them came on this connection: the quota begins anew with each [MQTT 5.0, 4.9]. */
  get incomingHere(): number {
    return this.incoming.size - (this.#incomingBefore?.size ?? 0)
  }

  /** Notes the packet id of an incoming QoS 2 message. */
  addIncoming(packetId: number): void {
    this.#incoming ??= new Set()
    this.#incoming.add(packetId)
    this.#incomingBefore?.delete(packetId)
  }

  /** Notes the packet ids that earlier connections left. */
  restoreIncoming(packetIds: readonly number[]): void {
    if (packetIds.length === 0) return
    this.#incoming = new Set(packetIds)
    this.#incomingBefore = new Set(packetIds)
  }

  /** Writes such a packet id to the store. */
  storeIncoming(packetId: number): MaybePromise<void> {
    return this.stored ? this.#ports.store.addIncoming(this.id, packetId) : undefined
  }

  /** PUBREL: the packet id is free. */
  release(packetId: number): MaybePromise<void> {
    this.#incoming?.delete(packetId)
    this.#incomingBefore?.delete(packetId)
    return this.stored ? this.#ports.store.removeIncoming(this.id, packetId) : undefined
  }
}
