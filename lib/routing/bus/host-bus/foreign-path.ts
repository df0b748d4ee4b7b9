/**
 * Processes a message that another broker, or the application, put on the bus: queues it for the stored sessions that
 * are connected here, then routes it. It can no longer be refused, so a failure of the store does not stop it.
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
  /** Called when a message was routed. */
  settled(message: PublishMessage): void
}

/** The receivers on this broker. */
export interface ForeignRouter {
  /** The matching subscriptions of stored sessions that are connected. */
  storedHere(topic: string): MatchedSubscription[]
  route(message: PublishMessage): MaybePromise<void>
}

export interface ForeignPathParts {
  /** Functions, because bus and router need each other: called when the first message arrives. */
  queues(): ForeignQueues
  router(): ForeignRouter
  policy: QueuePolicy
  /** Reports a failure to the host. */
  failed(error: AnaxError): void
}

const NOBODY: readonly MatchedSubscription[] = []

export class ForeignPath implements PublishPath {
  readonly #parts: ForeignPathParts
  readonly #rules: { among: 'connected'; policy: QueuePolicy }

  constructor(parts: ForeignPathParts) {
    this.#parts = parts
    // The broker that accepted the message has chosen among the members that are not connected.
    this.#rules = { among: 'connected', policy: withoutRefusals(parts.policy) }
  }

  /** Reports a failure of the store to the host. */
  readonly failed = (error: unknown): void => this.#parts.failed(wrapError('ANAX_ERR_STORE', error))

  /** Nothing to match yet: the connected sessions are looked up when the message is stored. */
  match(): readonly MatchedSubscription[] {
    return NOBODY
  }

  /**
   * A store that the brokers share already has the message, and ignores it. A store of this broker alone needs it for
   * when the client reconnects.
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
