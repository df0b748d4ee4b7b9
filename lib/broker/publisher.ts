/**
 * The way of a published message: numbered, kept for stored sessions and later subscribers, handed to the bus,
 * told to the host. Owns the broker's counter and the promise that nothing is acknowledged before it is stored.
 */
import type { Client } from '../../types/client.js'
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
import { keepPayload } from '../session/message.js'
import type { Authorizer, EventSink, MessageSink, ResolvedOptions } from '../session/ports.js'
import { deliveriesOf, sharedDeliveryOf } from './queue-deliveries.js'

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
  readonly #onTheirWay = new Set<number>()

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
    return ref.brokerId === this.#parts.options.id && this.#onTheirWay.has(ref.brokerCounter)
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
    const { router, isConnected } = this.#parts
    const deliveries = deliveriesOf(message, matched, isConnected)
    if (router.hasGroups) return this.#queueShared(message, deliveries)
    return this.#enqueueAll(message, deliveries)
  }

  /** The members of shared subscriptions are chosen now, so that their stored sessions have the message as well. */
  #queueShared(message: PublishMessage, deliveries: QueueDelivery[]): MaybePromise<void> {
    const clients = new Set(deliveries.map(({ clientId }) => clientId))
    const pending: MaybePromise<void>[] = []
    for (const choice of this.#parts.router.chooseShared(message, clients)) {
      const delivery = sharedDeliveryOf(choice)
      if (delivery.qos === 0) continue
      if (choice.message === message) deliveries.push(delivery)
      else pending.push(this.#enqueue(choice.message, [delivery]))
    }
    pending.push(this.#enqueueAll(message, deliveries))
    if (pending.some(isPromise)) return Promise.all(pending).then(() => {})
  }

  #enqueueAll(message: PublishMessage, deliveries: QueueDelivery[]): MaybePromise<void> {
    if (deliveries.length === 0) return
    message.queued = deliveries.length
    this.#onTheirWay.add(message.brokerCounter)
    return this.#enqueue(message, deliveries)
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
    if (message.queued > 0) this.#onTheirWay.delete(message.brokerCounter)
  }
}
