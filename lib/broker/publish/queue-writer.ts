/**
 * Appends a published message to the queues of stored sessions: for their own subscriptions, and for the chosen members
 * of shared subscriptions. Owns the messages that are queued and not routed yet; must not know the bus.
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
import { Turns } from '../../util/scheduling/turns.js'
import { PendingMessages } from './pending-messages.js'
import { type Connected, deliveriesOf, QueueCopies, sharedDeliveryOf } from './queue-deliveries.js'

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

/** The copies for members of shared subscriptions. */
interface SharedCopies {
  /** The deliveries of the message itself. */
  readonly own: readonly QueueDelivery[]
  readonly copies: readonly QueuedCopy[]
}

const NONE_SHARED: SharedCopies = { own: [], copies: [] }

/** Queues that a message is appended to in one step. */
const PART = 256

/** Stands for the publisher of messages that no client published. */
const HOST = ''

export interface QueueWriterParts {
  /** The broker's identifier. */
  id: string
  store: SessionPersistence
  router: Router
  events: EventSink
  /** Limits the work of each turn of the event loop. */
  fairness: Fairness
  connected: Connected
  /** Called when something with a deadline was stored. */
  deadlineSet(): void
}

export class QueueWriter {
  readonly #parts: QueueWriterParts
  readonly #pending = new PendingMessages()
  /** Publishers whose messages are being written in parts: their queues keep the order. */
  readonly #publishers = new Turns()

  constructor(parts: QueueWriterParts) {
    this.#parts = parts
  }

  /**
   * Appends a message to all queues that it belongs in. For very many queues, that takes as many turns of the event
   * loop as it needs, and later messages of its publisher wait.
   * @param matched the subscriptions of stored sessions that match, without shared ones
   */
  write(message: PublishMessage, matched: readonly MatchedSubscription[], rules: QueueRules): MaybePromise<void> {
    const { clientId = HOST } = message
    const isLarge = matched.length > PART
    if (!isLarge && !this.#publishers.isTaken(clientId)) return this.#write(message, matched, rules)
    ensureRecord(message).compareQueues()
    return this.#publishers.take(clientId, async () => {
      await (isLarge ? this.#writeInParts(message, matched, rules) : this.#write(message, matched, rules))
    })
  }

  #write(message: PublishMessage, matched: readonly MatchedSubscription[], rules: QueueRules): MaybePromise<void> {
    const { router, connected, fairness } = this.#parts
    const deliveries = deliveriesOf(message, matched, connected)
    fairness.spend(deliveries.length * Cost.enqueue)
    if (router.shared.groups === 0) return this.#writeAll(message, deliveries, rules)
    const isQueued = (clientId: string) => deliveries.some(delivery => delivery.clientId === clientId)
    const { own, copies } = this.#sharedCopies(message, isQueued, rules)
    deliveries.push(...own)
    if (copies.length === 0) return this.#writeAll(message, deliveries, rules)
    return this.#writeWithCopies(message, deliveries, copies, rules)
  }

  /** If one queue refuses the message, it is removed from all queues. */
  async #writeInParts(
    message: PublishMessage,
    matched: readonly MatchedSubscription[],
    rules: QueueRules,
  ): Promise<void> {
    const { fairness, connected, router } = this.#parts
    const { clientId } = message
    const all = new QueueCopies(message, connected)
    await fairness.eachPart(
      matched,
      PART,
      part => {
        fairness.spend(part.length * Cost.match)
        all.add(part)
      },
      clientId,
    )
    const isQueued = (clientId: string) => all.has(clientId)
    const shared = router.shared.groups === 0 ? NONE_SHARED : this.#sharedCopies(message, isQueued, rules)
    const written: QueuedCopy[][] = []
    try {
      for (let part = [...shared.own, ...all.next(PART)]; part.length > 0; part = all.next(PART)) {
        await fairness.admit(part.length * Cost.enqueue, clientId)
        written.push(copiesOf(message, part))
        await this.#writeAll(message, part, rules)
      }
      for (const copy of shared.copies) {
        written.push([copy])
        await this.#writeCopy(copy, rules)
      }
    } catch (error) {
      await fairness.eachPart(written, 1, ([part]) => this.#remove(part!), clientId).catch(() => {})
      throw error
    }
  }

  /** The number of messages of this broker that are being stored, or are stored and not routed yet. */
  get underWay(): number {
    return this.#pending.size
  }

  /** Appends a message to one queue. */
  append(message: PublishMessage, delivery: QueueDelivery, { policy }: QueueRules): MaybePromise<void> {
    return this.#enqueue(message, [delivery], policy)
  }

  /** Called when a message was routed, or will never be. */
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

  /**
   * Members of shared subscriptions are chosen now, so that the queues of their sessions have the message as well.
   * @returns those that get the message itself, and copies for those that get it already
   */
  #sharedCopies(message: PublishMessage, isQueued: (clientId: string) => boolean, { among }: QueueRules): SharedCopies {
    const own: QueueDelivery[] = []
    const copies: QueuedCopy[] = []
    for (const choice of this.#parts.router.chooseShared(message, isQueued, among)) {
      const delivery = sharedDeliveryOf(choice)
      // With QoS 0 it is queued only for members that are not connected.
      if (delivery.qos === 0 && 'session' in choice.member) continue
      if (choice.message === message) own.push(delivery)
      else copies.push({ message: choice.message, delivery })
    }
    return { own, copies }
  }

  /**
   * Writes the message, and copies for sessions that get it twice. If one is refused, all are removed from the queues.
   */
  #writeWithCopies(
    message: PublishMessage,
    deliveries: QueueDelivery[],
    copies: readonly QueuedCopy[],
    rules: QueueRules,
  ): MaybePromise<void> {
    const all = [...copiesOf(message, deliveries), ...copies]
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
    const fail = (): never => {
      throw error
    }
    const removed = this.#remove(copies)
    return isPromise(removed) ? removed.then(fail, fail) : fail()
  }

  #remove(copies: readonly QueuedCopy[]): MaybePromise<void> {
    const { store } = this.#parts
    let outcome = undefined as MaybePromise<void>
    for (const { message, delivery } of copies) {
      const { clientId } = delivery
      outcome = both(outcome, () => store.removeQueued(clientId, message, undefined, { ...delivery, message }))
    }
    return outcome
  }

  #writeAll(message: PublishMessage, wanted: QueueDelivery[], { policy }: QueueRules): MaybePromise<void> {
    // A client that was already sent the message, from a queue that the brokers share, must not get it there again.
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

function copiesOf(message: PublishMessage, deliveries: readonly QueueDelivery[]): QueuedCopy[] {
  return deliveries.map(delivery => ({ message, delivery }))
}
