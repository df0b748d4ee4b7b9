/**
 * One subscription of one session: a topic filter with its options. Must not know how messages are matched.
 * A broker may have a million of these, so the options are packed into one number.
 */
import type { ClientSubscription } from '../../types/client/client.js'
import type { QoS, Subscription } from '../../types/message/packets.js'
import type { Subscriber } from './subscriber.js'

const QOS = 0b11
const NO_LOCAL = 1 << 2
const RETAIN_AS_PUBLISHED = 1 << 3
const RETAIN_HANDLING_SHIFT = 4

function packed({ qos, nl, rap, rh }: Subscription): number {
  return qos | (nl ? NO_LOCAL : 0) | (rap ? RETAIN_AS_PUBLISHED : 0) | ((rh ?? 0) << RETAIN_HANDLING_SHIFT)
}

export class SessionSubscription implements ClientSubscription {
  readonly session: Subscriber
  readonly topic: string
  readonly #options: number
  /** 0 if the client gave none. */
  readonly #identifier: number
  /** The subscription that replaced this one. */
  #successor: SessionSubscription | 'ended' | undefined

  constructor(session: Subscriber, subscription: Subscription, identifier = 0) {
    this.session = session
    this.topic = subscription.topic
    this.#options = packed(subscription)
    this.#identifier = identifier
  }

  /** The filter that the client requested. It differs only if `authorizeSubscribe` granted another one. */
  get requested(): string {
    return this.topic
  }

  get qos(): QoS {
    return (this.#options & QOS) as QoS
  }

  get nl(): boolean {
    return (this.#options & NO_LOCAL) !== 0
  }

  get rap(): boolean {
    return (this.#options & RETAIN_AS_PUBLISHED) !== 0
  }

  get rh(): 0 | 1 | 2 {
    return (this.#options >> RETAIN_HANDLING_SHIFT) as 0 | 1 | 2
  }

  get subscriptionIdentifier(): number | undefined {
    return this.#identifier === 0 ? undefined : this.#identifier
  }

  /** Its identifiers, if it is the only target of a route. */
  get subscriptionIdentifiers(): readonly number[] | undefined {
    return this.#identifier === 0 ? undefined : [this.#identifier]
  }

  /** The target for messages that the client itself published [MQTT-3.8.3-3]. */
  get forPublisher(): this | undefined {
    return this.nl ? undefined : this
  }

  /** Whether it has not ended. */
  get isLive(): boolean {
    let last: SessionSubscription | 'ended' = this
    while (last !== 'ended' && last.#successor !== undefined) last = last.#successor
    return last !== 'ended'
  }

  /** Replaces it by one with the same filter: messages that are being delivered are delivered [MQTT-3.8.4-3]. */
  replaceWith(successor: SessionSubscription): void {
    this.#successor = successor
  }

  /** Ends it: messages that were not delivered yet are no longer delivered. */
  end(): void {
    this.#successor = 'ended'
  }

  /** Whether it has the same filter, options and identifier. */
  isLike(subscription: Subscription & Pick<ClientSubscription, 'subscriptionIdentifier' | 'requested'>): boolean {
    const { topic, requested = topic, subscriptionIdentifier = 0 } = subscription
    return (
      topic === this.topic &&
      requested === this.requested &&
      packed(subscription) === this.#options &&
      subscriptionIdentifier === this.#identifier
    )
  }

  /** A plain object, for the store and the host. */
  toJSON(): ClientSubscription {
    const { topic, requested, qos, nl, rap, rh } = this
    return {
      topic,
      qos,
      nl,
      rap,
      rh,
      ...(this.#identifier > 0 && { subscriptionIdentifier: this.#identifier }),
      ...(requested !== topic && { requested }),
    }
  }
}

/**
 * A subscription that was granted instead of the requested one. A class of its own, because it is rare and others need
 * no field for it.
 */
export class ReplacedSubscription extends SessionSubscription {
  readonly #requested: string

  constructor(session: Subscriber, subscription: Subscription, identifier: number | undefined, requested: string) {
    super(session, subscription, identifier)
    this.#requested = requested
  }

  override get requested(): string {
    return this.#requested
  }
}
