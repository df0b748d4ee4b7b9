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
import type { AnaxError } from '../errors.js'
import type { MessageBus } from '../routing/bus.js'
import type { RetainedStore } from '../routing/retained.js'
import type { Router } from '../routing/router.js'
import { Ingress } from '../session/ingress.js'
import { both, isPromise } from '../session/maybe-promise.js'
import { keepPayload } from '../session/message.js'
import type { Authorizer, EventSink, MessageSink, ResolvedOptions } from '../session/ports.js'
import { OwnPublish } from './own-publish.js'
import { deliveriesOf, sharedDeliveryOf } from './queue-deliveries.js'

const NOBODY: readonly MatchedSubscription[] = []

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
  /** Messages of the broker's own and the host's: no less in order than those of a client. */
  readonly #own = new Ingress(
    Number.POSITIVE_INFINITY,
    () => {},
    () => {},
  )
  /** A message on its way -> the numbers of its further copies. */
  readonly #copies = new Map<number, number[]>()

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#counter = parts.now() * NUMBERS_PER_MS
  }

  /** Gives a message its identity. Called in the order of storing, so that the order of numbers is the order of queues. */
  readonly number = (message: PublishMessage): void => {
    message.brokerId = this.#parts.options.id
    message.brokerCounter = ++this.#counter
  }

  match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]> {
    if (!message.retain) return this.#find(message)
    const checked = this.#parts.retained.check(message)
    return isPromise(checked) ? checked.then(() => this.#find(message)) : this.#find(message)
  }

  store(message: PublishMessage, matched: readonly MatchedSubscription[]): MaybePromise<void> {
    this.number(message)
    try {
      const queued = this.#isQueued(message) ? this.#queue(message, matched) : undefined
      const stored = message.retain ? both(queued, () => this.#retain(message)) : queued
      return isPromise(stored) ? stored.catch(error => this.#notRouted(message, error)) : undefined
    } catch (error) {
      return this.#notRouted(message, error)
    }
  }

  route(message: PublishMessage): MaybePromise<void> {
    try {
      const routed = this.#parts.bus.publish(message)
      if (isPromise(routed)) return routed.finally(() => this.#arrived(message))
    } catch (error) {
      return this.#notRouted(message, error)
    }
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

  /** Publishes a message of the broker's own or the host's, in the order in which they come. */
  publish(message: PublishMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#own.run(new OwnPublish(this, message, error => (error === undefined ? resolve() : reject(error))))
    })
  }

  #isQueued({ qos }: PublishMessage): boolean {
    return qos > 0 || this.#parts.options.queueQoS0
  }

  #find(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]> {
    if (!this.#isQueued(message)) return NOBODY
    const { store, bus } = this.#parts
    const found = store.subscriptionsByTopic(message.topic)
    if (isPromise(found) || bus.takesTime) message.queuedFor = new Set()
    return found
  }

  #retain(message: PublishMessage): MaybePromise<void> {
    const kept = this.#parts.retained.keep(message)
    if (isPromise(kept)) return kept.then(this.#parts.deadlineSet)
    this.#parts.deadlineSet()
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
    let pending = undefined as MaybePromise<void>
    for (const choice of this.#parts.router.chooseShared(message, clients)) {
      const delivery = sharedDeliveryOf(choice)
      if (delivery.qos === 0) continue
      if (choice.message === message) deliveries.push(delivery)
      else pending = both(pending, () => this.#enqueueCopy(message, choice.message, delivery))
    }
    return both(pending, () => this.#enqueueAll(message, deliveries))
  }

  #enqueueAll(message: PublishMessage, deliveries: QueueDelivery[]): MaybePromise<void> {
    if (deliveries.length === 0) return
    if (message.queuedFor !== undefined) for (const { clientId } of deliveries) message.queuedFor.add(clientId)
    message.queued = deliveries.length
    this.#onTheirWay.add(message.brokerCounter)
    return this.#enqueue(message, deliveries)
  }

  /** A further copy for a session that has the message already: the bus brings it together with the message. */
  #enqueueCopy(message: PublishMessage, copy: PublishMessage, delivery: QueueDelivery): MaybePromise<void> {
    const copies = this.#copies.get(message.brokerCounter)
    if (copies === undefined) this.#copies.set(message.brokerCounter, [copy.brokerCounter])
    else copies.push(copy.brokerCounter)
    this.#onTheirWay.add(copy.brokerCounter)
    return this.#enqueue(copy, [delivery])
  }

  #enqueue(message: PublishMessage, deliveries: readonly QueueDelivery[]): MaybePromise<void> {
    keepPayload(message)
    const dropped = this.#parts.store.enqueue(message, deliveries, this.#parts.policy)
    if (isPromise(dropped)) return dropped.then(list => this.#enqueued(message, list))
    this.#enqueued(message, dropped)
  }

  #enqueued(message: PublishMessage, dropped: DroppedMessage[] | undefined): void {
    if (dropped !== undefined) this.#report(message, dropped)
    if (message.messageExpiry !== undefined) this.#parts.deadlineSet()
  }

  #report(message: PublishMessage, dropped: DroppedMessage[]): void {
    for (const drop of dropped) {
      this.#parts.events.emit('drop', drop)
      if (drop.message.brokerCounter !== message.brokerCounter) continue
      message.withheldFrom ??= new Set()
      message.withheldFrom.add(drop.clientId)
    }
  }

  /** It is refused: the bus will not bring what is in the queues already. */
  #notRouted(message: PublishMessage, error: unknown): never {
    this.#arrived(message)
    throw error
  }

  #arrived(message: PublishMessage): void {
    if (message.queued > 0) this.#onTheirWay.delete(message.brokerCounter)
    if (this.#copies.size === 0) return
    for (const copy of this.#copies.get(message.brokerCounter) ?? []) this.#onTheirWay.delete(copy)
    this.#copies.delete(message.brokerCounter)
  }
}
