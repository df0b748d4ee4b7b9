/**
 * The steps of publishing a message: number it, store it for stored sessions and as the retained message, hand it to
 * the bus, notify the host. Owns the guarantee that nothing is acknowledged before it is stored.
 */
import type { Client } from '../../../types/client/client.js'
import type {
  MatchedSubscription,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  SessionPersistence,
} from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { AnaxError } from '../../errors.js'
import { ensureRecord } from '../../model/routing-record.js'
import type { Authorizer } from '../../ports/authorizer.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Companion, MessageSink } from '../../ports/message-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { MessageBus } from '../../routing/bus/message-bus.js'
import { both, isPromise } from '../../util/maybe-promise.js'
import { Cost, type Fairness } from '../../util/scheduling/fairness.js'
import type { BackPressure } from './back-pressure.js'
import type { MessageNumbers } from './message-numbers.js'
import type { QueueRules, QueueWriter } from './queue-writer.js'
import type { Retention } from './retention.js'

const NOBODY: readonly MatchedSubscription[] = []

export interface PublisherParts {
  numbers: MessageNumbers
  options: ResolvedOptions
  authorizer: Authorizer
  events: EventSink
  store: SessionPersistence
  retention: Retention
  queues: QueueWriter
  backPressure: BackPressure
  rules: QueueRules
  bus: MessageBus
  fairness: Fairness
  /** Called when something with a deadline was stored. */
  deadlineSet(): void
}

export class Publisher implements MessageSink {
  readonly #parts: PublisherParts

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]> {
    const held = this.#parts.backPressure.hold(message)
    return held === undefined ? this.#match(message) : held.then(() => this.#match(message))
  }

  #match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]> {
    if (!this.#isQueued(message)) return NOBODY
    const { store, bus } = this.#parts
    const found = store.subscriptionsByTopic(message.topic)
    if (isPromise(found) || bus.isDeferred) ensureRecord(message).compareQueues()
    return found
  }

  store(
    message: PublishMessage,
    matched: readonly MatchedSubscription[],
    companion?: Companion | undefined,
  ): MaybePromise<void> {
    try {
      const { numbers, retention, queues, rules, store } = this.#parts
      if (message.retain) retention.check(message)
      numbers.assign(message)
      let stored = this.#isQueued(message) ? queues.write(message, matched, rules) : undefined
      if (message.retain) stored = both(stored, () => this.#retain(message))
      if (companion?.kind === 'packet id') {
        stored = both(stored, () => store.addIncoming(companion.clientId, companion.packetId))
      }
      return isPromise(stored) ? stored.catch(error => this.#refused(message, error)) : undefined
    } catch (error) {
      return this.#refused(message, error)
    }
  }

  route(message: PublishMessage): MaybePromise<void> {
    const { bus, queues } = this.#parts
    try {
      const handedOver = bus.publish(message)
      if (isPromise(handedOver)) {
        return handedOver.then(
          () => queues.settled(message),
          error => this.#refused(message, error),
        )
      }
    } catch (error) {
      return this.#refused(message, error)
    }
    queues.settled(message)
  }

  abandon(message: PublishMessage): void {
    this.#parts.bus.abandon(message)
    this.#parts.queues.settled(message)
  }

  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined> {
    const { authorizer, events } = this.#parts
    if (events.has('publish')) events.emit('publish', message, client)
    return authorizer.published?.(message, client)
  }

  enqueue(message: PublishMessage, delivery: QueueDelivery): MaybePromise<void> {
    this.#parts.numbers.assign(message)
    return this.#parts.queues.append(message, delivery, this.#parts.rules)
  }

  sentFromQueue(ref: MessageRef, clientId: string): void {
    const { numbers, queues, bus } = this.#parts
    const pending = ref.brokerId === numbers.runId ? queues.pending(ref.brokerCounter) : undefined
    if (pending !== undefined) ensureRecord(pending).withhold(clientId)
    else bus.sentFromQueue(ref, clientId)
  }

  #isQueued({ qos }: PublishMessage): boolean {
    return qos > 0 || this.#parts.options.queueQoS0
  }

  #retain(message: PublishMessage): MaybePromise<void> {
    this.#parts.fairness.spend(Cost.retain)
    const kept = this.#parts.retention.keep(message)
    if (isPromise(kept)) return kept.then(this.#parts.deadlineSet)
    this.#parts.deadlineSet()
  }

  #refused(message: PublishMessage, error: unknown): never {
    this.abandon(message)
    throw error
  }
}
