/**
 * The state of a client that outlives its connection: subscriptions, packet ids, and unfinished messages. Does no I/O
 * itself: it writes through a link while the client is connected, and to the store.
 */
import type { ClientLimits } from '../../types/client/limits.js'
import type { MaybePromise, QueueLimits, SessionDetails } from '../../types/persistence.js'
import type { Backlog } from '../model/backlog.js'
import type { Delivery } from '../model/delivery.js'
import { subscriptionBytes } from '../model/metering/subscription-bytes.js'
import type { SharedDelivery } from '../model/shared-delivery.js'
import type { Subscriber } from '../model/subscriber.js'
import type { SessionSubscription } from '../model/subscription.js'
import type { Ports } from '../ports/ports.js'
import { FilterTree } from '../topic/filter-tree.js'
import { isSharedFilter } from '../topic/topic.js'
import { type EffectiveLimits, effectiveLimits } from './client-limits.js'
import type { Link } from './outgoing/link.js'
import { Outgoing } from './outgoing/outgoing.js'
import type { Pressure } from './outgoing/pressure.js'
import type { Recipient } from './outgoing/recipient.js'
import { Replacements } from './replacements.js'
import { SubscriptionChanges } from './subscription-changes.js'
import { SubscriptionQuota } from './subscription-quota.js'

export interface SessionSettings {
  /** Seconds that the session outlives its connection. */
  expiryInterval: number
  /** Whether the store keeps it. */
  stored: boolean
  /** The limits of its queue. */
  limits: QueueLimits
  /** Details of its connection; undefined if the store does not keep them. */
  details?: SessionDetails | undefined
}

const NO_SUBSCRIPTIONS: ReadonlyMap<string, SessionSubscription> = new Map()
const NO_PACKET_IDS: ReadonlySet<number> = new Set()
const NO_IDENTIFIERS: readonly number[] = []
const NOTHING_WAITS: Pick<Backlog, 'length' | 'bytes'> & Iterable<Delivery> = Object.assign([], { bytes: 0 })

export class Session implements Subscriber, Recipient {
  /** The client identifier. */
  readonly id: string
  readonly ports: Ports
  /** The limits of its queue. */
  readonly limits: QueueLimits
  /**
   * Whether the store keeps it. Decided when it is opened: an expiry of 0 cannot be raised later
   * [MQTT 5.0, 3.14.2.2.2], and a stored session whose expiry is lowered to 0 by DISCONNECT ends with the connection.
   */
  readonly stored: boolean
  /** Details of its connection; undefined if the store does not keep them. */
  readonly details: SessionDetails | undefined
  #clientLimits: EffectiveLimits
  #expiryInterval: number
  // created when needed: most clients only publish or only subscribe
  #subscriptions: Map<string, SessionSubscription> | undefined
  /** The identifiers of QoS 0 subscriptions, by filter. */
  #identifiersOfQoS0: FilterTree<number, this> | undefined
  #subscriptionQuota: SubscriptionQuota | undefined
  /** Bytes of its subscriptions, while its client is connected. */
  #subscriptionBytes = 0
  #changes: SubscriptionChanges | undefined
  #replacements: Replacements | undefined
  #incoming: Set<number> | undefined
  /** Packet ids of earlier connections whose messages the client has not sent again yet. */
  #incomingBefore: Set<number> | undefined
  #unacknowledgedQoS1 = 0
  #link: Link | undefined
  #quota = 0
  #outgoing: Outgoing | undefined

  constructor(id: string, settings: SessionSettings, ports: Ports) {
    this.id = id
    this.#expiryInterval = settings.expiryInterval
    this.stored = settings.stored
    this.details = settings.details
    this.limits = settings.limits
    this.ports = ports
    this.#clientLimits = ports.options
  }

  /** Seconds that the session outlives its connection. */
  get expiryInterval(): number {
    return this.#expiryInterval
  }

  /** Changes the expiry, as DISCONNECT requested. @param expiryInterval seconds */
  changeExpiry(expiryInterval: number): void {
    this.#expiryInterval = expiryInterval
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

  /** The outgoing path; undefined while the client is not connected. */
  get outgoing(): Outgoing | undefined {
    if (this.#outgoing === undefined && this.#link !== undefined) {
      this.#outgoing = new Outgoing(this, this.#link, this.ports, this.#quota)
    }
    return this.#outgoing
  }

  /** The number of QoS 1 and 2 messages that were sent to the client and are not finished. */
  get inflight(): number {
    return this.#outgoing?.transmitter.inflight.size ?? 0
  }

  /** Messages that wait in memory for the client. */
  get backlog(): Pick<Backlog, 'length' | 'bytes'> & Iterable<Delivery> {
    return this.#outgoing?.backlog ?? NOTHING_WAITS
  }

  /** The pressure of waiting messages; undefined if none had to wait yet. */
  get pressure(): Pressure | undefined {
    return this.#outgoing?.pressure
  }

  /** The number of messages in flight or waiting for the client. */
  get load(): number {
    return this.#outgoing?.load ?? 0
  }

  /**
   * Attaches the session to a connection.
   * @param quota maximum number of unacknowledged QoS 1 and 2 messages
   */
  attach(link: Link, quota: number): void {
    this.#link = link
    this.#quota = quota
  }

  /**
   * Queues the retained messages that were not sent yet: see {@link Outgoing.queueReplays}. Rejects if the store fails.
   */
  async queueReplays(): Promise<void> {
    if (this.stored) await this.#outgoing?.queueReplays()
  }

  /**
   * Detaches the session from its connection.
   * @returns the messages of shared subscriptions that other members can get
   */
  detach(): MaybePromise<SharedDelivery[]> {
    const outgoing = this.#outgoing
    this.#takeBytes(-this.#subscriptionBytes)
    this.#link = undefined
    this.#outgoing = undefined
    if (outgoing === undefined) return []
    const left = outgoing.close()
    return outgoing.transmitter.storeSettled()?.then(() => left) ?? left
  }

  /**
   * Delivers a live message to the client. Does nothing while it is not connected: the store has the messages that must
   * be kept.
   */
  deliver(delivery: Delivery): void {
    this.outgoing?.deliver(delivery)
  }

  /** @param added bytes of a message that was added to the queue, if it counts as waiting */
  readStored(added?: number): void {
    this.outgoing?.readStored(added)
  }

  /**
   * Identifiers of the QoS 0 subscriptions that match a topic. Queued messages lack them, because the store knows only
   * the others.
   */
  identifiersOfQoS0(topic: string): readonly number[] {
    if (this.#identifiersOfQoS0 === undefined) {
      this.#identifiersOfQoS0 = new FilterTree()
      for (const subscription of this.subscriptions.values()) this.#noteIdentifier(subscription)
    }
    return this.#identifiersOfQoS0.size === 0 ? NO_IDENTIFIERS : this.#identifiersOfQoS0.find(topic)
  }

  /** Serializes the changes of its subscriptions. */
  get changes(): SubscriptionChanges {
    this.#changes ??= new SubscriptionChanges()
    return this.#changes
  }

  /** Filters that were granted instead of requested ones. */
  get replacements(): Replacements {
    this.#replacements ??= new Replacements()
    return this.#replacements
  }

  /** Resolves when no change of its subscriptions is pending. */
  changesSettled(): Promise<void> | undefined {
    return this.#changes?.settled()
  }

  /** The limits of its client. */
  get clientLimits(): EffectiveLimits {
    return this.#clientLimits
  }

  /** Sets limits that a hook returned for its client; undefined for those of the options. */
  limitClient(limits: ClientLimits | undefined): void {
    this.#clientLimits = effectiveLimits(this.ports.options, limits)
  }

  /** Counts its subscriptions. */
  get subscriptionQuota(): SubscriptionQuota {
    this.#subscriptionQuota ??= new SubscriptionQuota(this, this.ports.subscriptionLoad)
    return this.#subscriptionQuota
  }

  /** Bytes of its subscriptions. */
  get subscriptionBytes(): number {
    return this.#subscriptionBytes
  }

  addSubscription(subscription: SessionSubscription): void {
    this.#subscriptions ??= new Map()
    if (!this.#subscriptions.has(subscription.topic)) this.#takeBytes(subscriptionBytes(subscription.topic))
    this.#subscriptions.set(subscription.topic, subscription)
    this.#noteIdentifier(subscription)
  }

  removeSubscription(topic: string): void {
    if (this.#subscriptions?.delete(topic)) this.#takeBytes(-subscriptionBytes(topic))
    this.#identifiersOfQoS0?.remove(topic, this)
    this.#outgoing?.endReplay(topic)
  }

  #takeBytes(bytes: number): void {
    if (!this.isAttached) return
    this.#subscriptionBytes += bytes
    this.ports.subscriptionLoad.bytes += bytes
  }

  #noteIdentifier({ topic, qos, subscriptionIdentifier }: SessionSubscription): void {
    if (qos > 0 || subscriptionIdentifier === undefined) this.#identifiersOfQoS0?.remove(topic, this)
    else if (!isSharedFilter(topic)) this.#identifiersOfQoS0?.add(topic, this, subscriptionIdentifier)
  }

  /**
   * The number of unfinished QoS 1 and 2 messages that the client sent on this connection. The count of each connection
   * starts at zero [MQTT 5.0, 4.9].
   */
  get unacknowledged(): number {
    const qos2 = this.#incoming === undefined ? 0 : this.#incoming.size - (this.#incomingBefore?.size ?? 0)
    return this.#unacknowledgedQoS1 + qos2
  }

  /** Counts an incoming QoS 1 message. */
  addUnacknowledged(): void {
    this.#unacknowledgedQoS1++
  }

  /** Stops counting an incoming QoS 1 message, which is being answered. */
  removeUnacknowledged(): void {
    this.#unacknowledgedQoS1--
  }

  /** Notes the packet id of an incoming QoS 2 message. */
  addIncoming(packetId: number): void {
    this.#incoming ??= new Set()
    this.#incoming.add(packetId)
    this.#incomingBefore?.delete(packetId)
  }

  /** Notes the packet ids of QoS 2 messages that were not released on earlier connections. */
  restoreIncoming(packetIds: readonly number[]): void {
    if (packetIds.length === 0) return
    this.#incoming = new Set(packetIds)
    this.#incomingBefore = new Set(packetIds)
  }

  /** Frees a packet id, after PUBREL. */
  release(packetId: number): MaybePromise<void> {
    this.#incoming?.delete(packetId)
    this.#incomingBefore?.delete(packetId)
    return this.stored ? this.ports.store.removeIncoming(this.id, packetId) : undefined
  }
}
