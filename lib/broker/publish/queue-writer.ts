/**
 * Puts a published message into the queues of stored sessions: for their own subscriptions, and for the members of
 * shared subscriptions that are chosen for it. Owns the messages that are queued and not routed yet; must not know the
 * bus.
 */
import type {
  DroppedMessage,
  MatchedSubscription,
  MaybePromise,
  QueueDelivery,
  QueuePolicy,
  SessionPersistence,
} from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { keepPayload } from '../../model/message.js'
import { ensureRecord, recordOf } from '../../model/routing-record.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Router } from '../../routing/router.js'
import { both, isPromise } from '../../util/maybe-promise.js'
import { Cost, type Fairness } from '../../util/scheduling/fairness.js'
import { PendingMessages } from './pending-messages.js'
import { deliveriesOf, sharedDeliveryOf } from './queue-deliveries.js'

/** How a message is queued. */
export interface QueueRules {
  /** Which members of shared subscriptions may be chosen. */
  among: 'connected' | 'all'
  policy: QueuePolicy
}

/** A message for one session's queue. */
interface QueuedCopy {
  message: PublishMessage
  delivery: QueueDelivery
}

export interface QueueWriterParts {
  /** Of the broker. */
  id: string
  store: SessionPersistence
  router: Router
  events: EventSink
  /** Limits the work of each turn of the event loop. */
  fairness: Fairness
  /** Whether a client is connected, so that a QoS 0 message need not be queued for it. */
  isConnected(clientId: string): boolean
  /** Called when something with a deadline was stored. */
  deadlineSet(): void
}

export class QueueWriter {
  readonly #parts: QueueWriterParts
  readonly #pending = new PendingMessages()

  constructor(parts: QueueWriterParts) {
    this.#parts = parts
  }

  /**
   * Puts a message into all queues that it belongs in.
   * @param matched the subscriptions of stored sessions that match, without shared ones
   */
  write(message: PublishMessage, matched: readonly MatchedSubscription[], rules: QueueRules): MaybePromise<void> {
    const { router, isConnected, fairness } = this.#parts
    const deliveries = deliveriesOf(message, matched, isConnected)
    fairness.spend(deliveries.length * Cost.enqueue)
    if (router.shared.groups > 0) return this.#writeWithShared(message, deliveries, rules)
    return this.#writeAll(message, deliveries, rules)
  }

  /** Appends a message to one queue. */
  append(message: PublishMessage, delivery: QueueDelivery, { policy }: QueueRules): MaybePromise<void> {
    return this.#enqueue(message, [delivery], policy)
  }

  /** A message is routed, or will never be. */
  settled(message: PublishMessage): void {
    const record = recordOf(message)
    if (record === undefined) return
    if (record.isQueued) this.#pending.delete(message)
    for (const copy of record.copies) this.#pending.delete(copy)
  }

  /** Finds a message of this broker that is queued and not routed yet. */
  pending(brokerCounter: number): PublishMessage | undefined {
    return this.#pending.get(brokerCounter)
  }

  /** Members are chosen now, so that the queues of their sessions have the message as well. */
  #writeWithShared(message: PublishMessage, deliveries: QueueDelivery[], rules: QueueRules): MaybePromise<void> {
    const clients = deliveries.map(({ clientId }) => clientId)
    const copies: QueuedCopy[] = []
    for (const choice of this.#parts.router.chooseShared(message, clients, rules.among)) {
      const delivery = sharedDeliveryOf(choice)
      // With QoS 0 it is queued only for members that are not connected.
      if (delivery.qos === 0 && 'session' in choice.member) continue
      if (choice.message === message) deliveries.push(delivery)
      else copies.push({ message: choice.message, delivery })
    }
    if (copies.length === 0) return this.#writeAll(message, deliveries, rules)
    return this.#writeWithCopies(message, deliveries, copies, rules)
  }

  /** The message, and copies for sessions that get it twice. If one is refused, none stays in a queue. */
  #writeWithCopies(
    message: PublishMessage,
    deliveries: QueueDelivery[],
    copies: readonly QueuedCopy[],
    rules: QueueRules,
  ): MaybePromise<void> {
    const all = [...deliveries.map(delivery => ({ message, delivery })), ...copies]
    try {
      let outcome = undefined as MaybePromise<void>
      for (const copy of copies) outcome = both(outcome, () => this.#writeCopy(copy, rules))
      outcome = both(outcome, () => this.#writeAll(message, deliveries, rules))
      return isPromise(outcome) ? outcome.catch(error => this.#takeBack(all, error)) : undefined
    } catch (error) {
      return this.#takeBack(all, error)
    }
  }

  #takeBack(copies: readonly QueuedCopy[], error: unknown): MaybePromise<never> {
    const { store } = this.#parts
    const fail = (): never => {
      throw error
    }
    let outcome = undefined as MaybePromise<void>
    for (const { message, delivery } of copies) {
      const { clientId } = delivery
      outcome = both(outcome, () => store.removeQueued(clientId, message, undefined, { ...delivery, message }))
    }
    return isPromise(outcome) ? outcome.then(fail, fail) : fail()
  }

  #writeAll(message: PublishMessage, wanted: QueueDelivery[], { policy }: QueueRules): MaybePromise<void> {
    // A client that was sent the message from a queue that the brokers share must not have it there again.
    const deliveries = recordOf(message)?.notWithheld(wanted) ?? wanted
    if (deliveries.length === 0) return
    ensureRecord(message).noteQueues(deliveries)
    if (message.brokerId === this.#parts.id) this.#pending.add(message)
    return this.#enqueue(message, deliveries, policy)
  }

  #writeCopy({ message, delivery }: QueuedCopy, { policy }: QueueRules): MaybePromise<void> {
    this.#pending.add(message)
    return this.#enqueue(message, [delivery], policy)
  }

  #enqueue(message: PublishMessage, deliveries: readonly QueueDelivery[], policy: QueuePolicy): MaybePromise<void> {
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
    if (dropped !== undefined) this.#report(message, deliveries, dropped)
    if (message.messageExpiry !== undefined) this.#parts.deadlineSet()
  }

  #report(message: PublishMessage, deliveries: readonly QueueDelivery[], dropped: DroppedMessage[]): void {
    const record = ensureRecord(message)
    // The host's listeners may change subscriptions before the message is routed.
    record.compareWith(deliveries)
    for (const drop of dropped) {
      this.#parts.events.emit('drop', drop)
      if (drop.message.brokerCounter === message.brokerCounter) record.withhold(drop.clientId)
    }
  }
}
