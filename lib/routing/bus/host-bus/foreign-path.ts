/**
 * The way of a message that another broker published, or the application: queued for the stored sessions that are
 * connected here, then routed. It cannot be refused any more, so that a store that fails stops nothing.
 */
import type { MatchedSubscription, MaybePromise, QueuePolicy } from '../../../../types/persistence.js'
import type { PublishMessage } from '../../../codec/publish-message.js'
import { type AnaxError, wrapError } from '../../../errors.js'
import { ensureRecord } from '../../../model/routing-record.js'
import type { PublishPath } from '../../../ports/message-sink.js'
import { isPromise } from '../../../util/maybe-promise.js'

/** Where messages are queued. */
export interface ForeignQueues {
  write(
    message: PublishMessage,
    matched: readonly MatchedSubscription[],
    rules: { among: 'connected'; policy: QueuePolicy },
  ): MaybePromise<void>
  /** A message is routed. */
  settled(message: PublishMessage): void
}

/** The receivers on this broker. */
export interface ForeignRouter {
  /** The matching subscriptions of stored sessions that are connected. */
  storedHere(topic: string): MatchedSubscription[]
  route(message: PublishMessage): MaybePromise<void>
}

export interface ForeignParts {
  /** The bus and the router need each other: these two are asked for when the first message comes. */
  queues(): ForeignQueues
  router(): ForeignRouter
  policy: QueuePolicy
  /** Tells the host of a failure. */
  failed(error: AnaxError): void
}

const NOBODY: readonly MatchedSubscription[] = []

export class ForeignPath implements PublishPath {
  readonly #parts: ForeignParts
  readonly #rules: { among: 'connected'; policy: QueuePolicy }

  constructor(parts: ForeignParts) {
    this.#parts = parts
    // The broker that accepted the message has chosen among the members that are not connected.
    this.#rules = { among: 'connected', policy: withoutRefusals(parts.policy) }
  }

  /** Tells the host that the store failed. */
  readonly failed = (error: unknown): void => this.#parts.failed(wrapError('ANAX_ERR_STORE', error))

  /** Which sessions are connected here is known when the message is stored. */
  match(): readonly MatchedSubscription[] {
    return NOBODY
  }

  /**
   * A store that the brokers share has the message already, and passes it over. A store of this broker alone would not
   * have it when the client comes back.
   */
  store(message: PublishMessage): MaybePromise<void> {
    if (message.qos === 0) return
    try {
      ensureRecord(message).compareQueues()
      const matched = this.#parts.router().storedHere(message.topic)
      const queued = this.#parts.queues().write(message, matched, this.#rules)
      if (isPromise(queued)) return queued.catch(this.failed)
    } catch (error) {
      this.failed(error)
    }
  }

  abandon(): void {}

  route(message: PublishMessage): MaybePromise<void> {
    const settled = () => this.#parts.queues().settled(message)
    const routed = this.#parts.router().route(message)
    if (isPromise(routed)) return routed.then(settled)
    settled()
  }

  published(): undefined {}
}

/** The same limits without refusals: a queue that would refuse a message drops it instead. */
function withoutRefusals({ limitsOf, maxTotalBytes }: QueuePolicy): QueuePolicy {
  return {
    maxTotalBytes,
    limitsOf(clientId) {
      const limits = limitsOf(clientId)
      return limits.overflow === 'reject' ? { ...limits, overflow: 'drop-newest' } : limits
    },
  }
}
