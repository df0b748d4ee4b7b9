/**
 * The way of a published message: numbered, kept for stored sessions and later subscribers, handed to the bus,
 * told to the host. Owns the broker's counter and the promise that nothing is acknowledged before it is stored.
 */
import type { Client } from '../../types/client.js'
import type { QoS } from '../../types/packets.js'
import type {
  DroppedMessage,
  MatchedSubscription,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  QueuePolicy,
  SessionPersistence,
} from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { type AnaxError, wrapError } from '../errors.js'
import type { MessageBus } from '../routing/bus.js'
import type { RetainedStore } from '../routing/retained.js'
import type { Router } from '../routing/router.js'
import { isPromise } from '../session/maybe-promise.js'
import { keepPayload, refKey } from '../session/message.js'
import type { Authorizer, EventSink, MessageSink, ResolvedOptions } from '../session/ports.js'

/** Numbers go on where any earlier run of the same broker may have stopped: a thousand for each millisecond. */
const NUMBERS_PER_MS = 1000

export interface PublisherParts {
  options: ResolvedOptions
  authorizer: Authorizer
  events: EventSink
  store: SessionPersistence
  retained: RetainedStore
  router: Router
  bus: MessageBus
  policy: QueuePolicy
  now: () => number
  /** Whether a client is connected, so that QoS 0 does not wait for it in the store. */
  isConnected(clientId: string): boolean
  /** Something with a deadline was stored. */
  deadlineSet(): void
}

export class Publisher implements MessageSink {
  readonly #parts: PublisherParts
  #counter: number
  /** Messages that are in queues and not on the bus yet. */
  readonly #onTheirWay = new Set<string>()

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#counter = parts.now() * NUMBERS_PER_MS
  }

  /** Gives a message its identity. Called in the order of storing, so that the order of numbers is the order of queues. */
  readonly number = (message: PublishMessage): void => {
    message.brokerId = this.#parts.options.id
    message.brokerCounter = ++this.#counter
  }

  store(message: PublishMessage): MaybePromise<void> {
    this.number(message)
    const { options, retained, store } = this.#parts
    const queued = message.qos > 0 || options.queueQoS0
    if (!message.retain && !queued) return undefined
    if (message.messageExpiry !== undefined) this.#parts.deadlineSet()
    const checked = message.retain ? retained.check(message) : undefined
    if (isPromise(checked)) return checked.then(() => this.#storeAll(message, queued))
    if (!queued) return retained.keep(message)
    const matched = store.subscriptionsByTopic(message.topic)
    if (isPromise(matched)) return matched.then(found => this.#queueAndRetain(message, found))
    return this.#queueAndRetain(message, matched)
  }

  route(message: PublishMessage): MaybePromise<void> {
    const routed = this.#parts.bus.publish(message)
    if (isPromise(routed)) return routed.finally(() => this.#arrived(message))
    this.#arrived(message)
  }

  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined> {
    const { authorizer, events } = this.#parts
    if (events.has('publish')) events.emit('publish', message, client)
    return authorizer.published?.(message, client)
  }

  enqueue(message: PublishMessage, delivery: QueueDelivery): MaybePromise<void> {
    this.number(message)
    return this.#enqueue(message, [delivery])
  }

  isOnItsWay(ref: MessageRef): boolean {
    return this.#onTheirWay.size > 0 && this.#onTheirWay.has(refKey(ref))
  }

  /** Publishes a message of the broker's own or the host's. */
  async publish(message: PublishMessage): Promise<void> {
    try {
      await this.store(message)
      await this.route(message)
    } catch (error) {
      throw wrapError('ANAX_ERR_STORE', error)
    }
    const refusal = await this.published(message, null)
    if (refusal !== undefined) throw refusal
  }

  async #storeAll(message: PublishMessage, queued: boolean): Promise<void> {
    const matched = queued ? await this.#parts.store.subscriptionsByTopic(message.topic) : []
    await this.#queueAndRetain(message, matched)
  }

  #queueAndRetain(message: PublishMessage, matched: readonly MatchedSubscription[]): MaybePromise<void> {
    const queued = this.#queue(message, matched)
    if (!message.retain) return queued
    const kept = this.#parts.retained.keep(message)
    if (isPromise(queued) || isPromise(kept)) return Promise.all([queued, kept]).then(() => {})
  }

  #queue(message: PublishMessage, matched: readonly MatchedSubscription[]): MaybePromise<void> {
    const deliveries = this.#deliveriesOf(message, matched)
    const shared = this.#parts.router.chooseShared(message, deliveries)
    const pending: MaybePromise<void>[] = []
    for (const { message: copy, member, group } of shared) {
      const clientId = 'session' in member ? member.session.id : member.clientId
      const qos = Math.min(copy.qos, member.qos) as QoS
      if (qos === 0) continue
      const { subscriptionIdentifier } = member
      const subscriptionIdentifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier]
      const delivery: QueueDelivery = {
        clientId,
        qos,
        retain: copy.retain && member.rap === true,
        subscriptionIdentifiers,
        share: group.share,
      }
      if (copy === message) deliveries.set(clientId, delivery)
      else pending.push(this.#enqueue(copy, [delivery]))
    }
    if (deliveries.size > 0) {
      message.queued = deliveries.size
      this.#onTheirWay.add(refKey(message))
      pending.push(this.#enqueue(message, [...deliveries.values()]))
    }
    if (pending.some(isPromise)) return Promise.all(pending).then(() => {})
  }

  /** One copy per session, as the router makes them for those that are connected. */
  #deliveriesOf(message: PublishMessage, matched: readonly MatchedSubscription[]): Map<string, QueueDelivery> {
    const deliveries = new Map<string, QueueDelivery>()
    for (const subscription of matched) {
      const { clientId, nl, rap, subscriptionIdentifier } = subscription
      if (nl === true && clientId === message.clientId) continue
      if (message.qos === 0 && this.#parts.isConnected(clientId)) continue
      const qos = Math.min(message.qos, subscription.qos) as QoS
      const retain = message.retain && rap === true
      const earlier = deliveries.get(clientId)
      const ids = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier]
      deliveries.set(clientId, {
        clientId,
        qos: earlier && earlier.qos > qos ? earlier.qos : qos,
        retain: retain || earlier?.retain === true,
        subscriptionIdentifiers:
          ids && earlier?.subscriptionIdentifiers
            ? [...earlier.subscriptionIdentifiers, ...ids]
            : (ids ?? earlier?.subscriptionIdentifiers),
        share: undefined,
      })
    }
    return deliveries
  }

  #enqueue(message: PublishMessage, deliveries: readonly QueueDelivery[]): MaybePromise<void> {
    keepPayload(message)
    const dropped = this.#parts.store.enqueue(message, deliveries, this.#parts.policy)
    if (isPromise(dropped)) return dropped.then(list => this.#report(message, list))
    this.#report(message, dropped)
  }

  #report(message: PublishMessage, dropped: DroppedMessage[] | undefined): void {
    if (dropped === undefined) return
    for (const drop of dropped) {
      this.#parts.events.emit('drop', drop)
      if (drop.message.brokerCounter !== message.brokerCounter) continue
      message.withheldFrom ??= new Set()
      message.withheldFrom.add(drop.clientId)
    }
  }

  #arrived(message: PublishMessage): void {
    if (message.queued > 0) this.#onTheirWay.delete(refKey(message))
  }
}
