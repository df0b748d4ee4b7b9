/**
 * The way of a published message: numbered, kept for stored sessions and later subscribers, handed to the bus,
 * told to the host. Owns the broker's counter and the promise that nothing is acknowledged before it is stored.
 */
import type { Client } from '../../../types/client.js'
import type { QoS } from '../../../types/packets.js'
import type {
  DroppedMessage,
  MatchedSubscription,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  QueuePolicy,
  SessionPersistence,
} from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { AnaxError } from '../../errors.js'
import { keepPayload } from '../../model/message.js'
import type { Authorizer } from '../../ports/authorizer.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { MessageSink } from '../../ports/message-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { type Arrivals, withhold } from '../../routing/arrivals.js'
import type { MessageBus } from '../../routing/bus.js'
import type { Router } from '../../routing/router.js'
import { both, isPromise } from '../../util/maybe-promise.js'
import { Pipeline } from '../../util/pipeline.js'
import { InTransit } from './in-transit.js'
import { OwnPublish } from './own-publish.js'
import { deliveriesOf, sharedDeliveryOf } from './queue-deliveries.js'
import type { Retention } from './retention.js'

/** How a message is queued. */
interface Terms {
  /** Where the members of shared subscriptions may be. */
  among: 'here' | 'here and away'
  policy: QueuePolicy
}

/** A message for a session's queue. */
interface OwedCopy {
  message: PublishMessage
  delivery: QueueDelivery
}

const NOBODY: readonly MatchedSubscription[] = []

/** Numbers go on where any earlier run of the same broker may have stopped: a thousand for each millisecond. */
const NUMBERS_PER_MS = 1000

export interface PublisherParts {
  options: ResolvedOptions
  authorizer: Authorizer
  events: EventSink
  store: SessionPersistence
  retention: Retention
  router: Router
  bus: MessageBus
  /** What a bus of the host brings; undefined for the one within this process, which is done when `emit` returns. */
  arrivals: Arrivals | undefined
  policy: QueuePolicy
  now: () => number
  /** Whether a client is connected, so that QoS 0 does not wait for it in the store. */
  isConnected(clientId: string): boolean
  /** Something with a deadline was stored. */
  deadlineSet(): void
}

export class Publisher implements MessageSink {
  readonly #parts: PublisherParts
  readonly #terms: Terms
  /** For what another broker published: it cannot be refused any more, and its broker knows who is away. */
  readonly #foreignTerms: Terms
  #counter: number
  /** This broker's messages that are in queues and not on the bus yet, by number. */
  readonly #onTheirWay = new InTransit()
  /** Messages of the broker's own and the host's: no less in order than those of a client. */
  readonly #own = new Pipeline(
    Number.POSITIVE_INFINITY,
    () => {},
    () => {},
  )
  /** A message on its way -> its further copies, with numbers of their own. */
  readonly #copies = new Map<PublishMessage, PublishMessage[]>()

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#terms = { among: 'here and away', policy: parts.policy }
    this.#foreignTerms = { among: 'here', policy: withoutRefusals(parts.policy) }
    this.#counter = parts.now() * NUMBERS_PER_MS
  }

  /** Gives a message its identity. Called in the order of storing, so that the order of numbers is the order of queues. */
  readonly number = (message: PublishMessage): void => {
    message.brokerId = this.#parts.options.id
    message.brokerCounter = ++this.#counter
  }

  match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]> {
    if (!this.#isQueued(message)) return NOBODY
    const { store, bus } = this.#parts
    const found = store.subscriptionsByTopic(message.topic)
    if (isPromise(found) || bus.takesTime) message.queuedFor = new Map()
    return found
  }

  store(message: PublishMessage, matched: readonly MatchedSubscription[]): MaybePromise<void> {
    try {
      if (message.retain) this.#parts.retention.check(message)
      this.number(message)
      const queued = this.#isQueued(message) ? this.#queue(message, matched, this.#terms) : undefined
      const stored = message.retain ? both(queued, () => this.#retain(message)) : queued
      return isPromise(stored) ? stored.catch(error => this.#notRouted(message, error)) : undefined
    } catch (error) {
      return this.#notRouted(message, error)
    }
  }

  route(message: PublishMessage): MaybePromise<void> {
    const { bus, arrivals } = this.#parts
    if (arrivals !== undefined) this.#expect(message, arrivals)
    try {
      const routed = bus.publish(message)
      if (isPromise(routed)) {
        return routed.then(
          () => this.#handedOver(message),
          error => this.#notRouted(message, error),
        )
      }
    } catch (error) {
      return this.#notRouted(message, error)
    }
    this.#handedOver(message)
  }

  abandon(message: PublishMessage): void {
    this.#parts.arrivals?.giveUp(message)
    this.#handedOver(message)
  }

  /**
   * Keeps what another broker published for the stored sessions that are here. A store that the brokers share has it
   * already, and passes it over; one of this broker's own would not have it when a client comes back.
   */
  keep(message: PublishMessage): MaybePromise<void> {
    if (message.qos === 0) return
    message.queuedFor = new Map()
    return this.#queue(message, this.#parts.router.storedHere(message.topic), this.#foreignTerms)
  }

  /** What was kept is routed. */
  kept(message: PublishMessage): void {
    this.#parts.arrivals?.routed(message)
    this.#handedOver(message)
  }

  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined> {
    const { authorizer, events } = this.#parts
    if (events.has('publish')) events.emit('publish', message, client)
    return authorizer.published?.(message, client)
  }

  enqueue(message: PublishMessage, delivery: QueueDelivery): MaybePromise<void> {
    this.number(message)
    return this.#enqueue(message, [delivery], this.#terms)
  }

  sentFromQueue(ref: MessageRef, clientId: string): void {
    const onItsWay = this.#isOwn(ref) ? this.#onTheirWay.get(ref.brokerCounter) : undefined
    if (onItsWay !== undefined) withhold(onItsWay, clientId)
    else this.#parts.arrivals?.sentFromQueue(ref, clientId)
  }

  /** Publishes a message of the broker's own or the host's, in the order in which they come. */
  publish(message: PublishMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#own.run(new OwnPublish(this, message, error => (error === undefined ? resolve() : reject(error))))
    })
  }

  /** Resolves when none of the broker's own messages or the host's is under way. */
  idle(): Promise<void> {
    return this.#own.settled()
  }

  #isOwn({ brokerId }: MessageRef): boolean {
    return brokerId === this.#parts.options.id
  }

  #isQueued({ qos }: PublishMessage): boolean {
    return qos > 0 || this.#parts.options.queueQoS0
  }

  #retain(message: PublishMessage): MaybePromise<void> {
    const kept = this.#parts.retention.keep(message)
    if (isPromise(kept)) return kept.then(this.#parts.deadlineSet)
    this.#parts.deadlineSet()
  }

  #queue(message: PublishMessage, matched: readonly MatchedSubscription[], terms: Terms): MaybePromise<void> {
    const { router, isConnected } = this.#parts
    const deliveries = deliveriesOf(message, matched, isConnected)
    if (router.hasGroups) return this.#queueShared(message, deliveries, terms)
    return this.#enqueueAll(message, deliveries, terms)
  }

  /** The members of shared subscriptions are chosen now, so that their stored sessions have the message as well. */
  #queueShared(message: PublishMessage, deliveries: QueueDelivery[], terms: Terms): MaybePromise<void> {
    const clients = deliveries.map(({ clientId }) => clientId)
    const copies: OwedCopy[] = []
    for (const choice of this.#parts.router.chooseShared(message, clients, terms.among)) {
      const delivery = sharedDeliveryOf(choice)
      // with QoS 0 it waits for those only who are away
      if (delivery.qos === 0 && 'session' in choice.member) continue
      if (choice.message === message) deliveries.push(delivery)
      else copies.push({ message: choice.message, delivery })
    }
    if (copies.length === 0) return this.#enqueueAll(message, deliveries, terms)
    return this.#enqueueWithCopies(message, deliveries, copies, terms)
  }

  /** The message, and copies for sessions that have it already. Where one is refused, none stays in a queue. */
  #enqueueWithCopies(
    message: PublishMessage,
    deliveries: QueueDelivery[],
    copies: readonly OwedCopy[],
    terms: Terms,
  ): MaybePromise<void> {
    const all = [...deliveries.map(delivery => ({ message, delivery })), ...copies]
    try {
      let pending = undefined as MaybePromise<void>
      for (const copy of copies) pending = both(pending, () => this.#enqueueCopy(message, copy, terms))
      pending = both(pending, () => this.#enqueueAll(message, deliveries, terms))
      return isPromise(pending) ? pending.catch(error => this.#takeBack(all, error)) : undefined
    } catch (error) {
      return this.#takeBack(all, error)
    }
  }

  #takeBack(copies: readonly OwedCopy[], error: unknown): MaybePromise<never> {
    const { store } = this.#parts
    const fail = (): never => {
      throw error
    }
    let pending = undefined as MaybePromise<void>
    for (const { message, delivery } of copies) {
      const { clientId } = delivery
      pending = both(pending, () => store.removeQueued(clientId, message, undefined, { ...delivery, message }))
    }
    return isPromise(pending) ? pending.then(fail, fail) : fail()
  }

  #enqueueAll(message: PublishMessage, wanted: QueueDelivery[], terms: Terms): MaybePromise<void> {
    const { withheldFrom } = message
    // who had it from a queue that the brokers share is not to have it there again
    const deliveries = withheldFrom ? wanted.filter(({ clientId }) => !withheldFrom.has(clientId)) : wanted
    if (deliveries.length === 0) return
    if (message.queuedFor !== undefined) message.queuedFor = queuesOf(deliveries)
    message.queued = deliveries.length
    if (this.#isOwn(message)) this.#onTheirWay.add(message)
    return this.#enqueue(message, deliveries, terms)
  }

  /** A further copy for a session that has the message already: the bus brings it together with the message. */
  #enqueueCopy(message: PublishMessage, { message: copy, delivery }: OwedCopy, terms: Terms): MaybePromise<void> {
    const copies = this.#copies.get(message)
    if (copies === undefined) this.#copies.set(message, [copy])
    else copies.push(copy)
    this.#onTheirWay.add(copy)
    return this.#enqueue(copy, [delivery], terms)
  }

  #enqueue(message: PublishMessage, deliveries: readonly QueueDelivery[], { policy }: Terms): MaybePromise<void> {
    keepPayload(message)
    const dropped = this.#parts.store.enqueue(message, deliveries, policy)
    if (isPromise(dropped)) return dropped.then(list => this.#enqueued(message, deliveries, list))
    this.#enqueued(message, deliveries, dropped)
  }

  #enqueued(
    message: PublishMessage,
    deliveries: readonly QueueDelivery[],
    dropped: DroppedMessage[] | undefined,
  ): void {
    if (dropped !== undefined) {
      // the host is told, and may change subscriptions before the message is routed
      message.queuedFor ??= queuesOf(deliveries)
      this.#report(message, dropped)
    }
    if (message.messageExpiry !== undefined) this.#parts.deadlineSet()
  }

  #report(message: PublishMessage, dropped: DroppedMessage[]): void {
    for (const drop of dropped) {
      this.#parts.events.emit('drop', drop)
      if (drop.message.brokerCounter === message.brokerCounter) withhold(message, drop.clientId)
    }
  }

  /** A message that comes back late is looked for while somebody here wants it, and so are its copies. */
  #expect(message: PublishMessage, arrivals: Arrivals): void {
    if (!this.#parts.router.wants(message.topic)) return
    keepPayload(message)
    arrivals.expect(message)
    for (const copy of this.#copies.get(message) ?? []) arrivals.expect(copy)
  }

  /** It is refused. */
  #notRouted(message: PublishMessage, error: unknown): never {
    this.abandon(message)
    throw error
  }

  /** The bus has it: the one within this process has brought it by now. */
  #handedOver(message: PublishMessage): void {
    if (message.queued > 0 && this.#isOwn(message)) this.#onTheirWay.delete(message)
    if (this.#copies.size === 0) return
    for (const copy of this.#copies.get(message) ?? []) this.#onTheirWay.delete(copy)
    this.#copies.delete(message)
  }
}

/**
 * Whose queues have a message for subscriptions of their own, and with which QoS: what comes through a group, the group
 * knows.
 */
function queuesOf(deliveries: readonly QueueDelivery[]): Map<string, QoS> {
  const queues = new Map<string, QoS>()
  for (const { clientId, qos, share } of deliveries) if (share === undefined) queues.set(clientId, qos)
  return queues
}

function withoutRefusals({ limitsOf, maxTotalBytes }: QueuePolicy): QueuePolicy {
  return {
    maxTotalBytes,
    limitsOf(clientId) {
      const limits = limitsOf(clientId)
      return limits.overflow === 'reject' ? { ...limits, overflow: 'drop-newest' } : limits
    },
  }
}
