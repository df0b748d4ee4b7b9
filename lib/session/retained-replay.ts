/**
 * The retained messages that one new subscription asks for, read at the pace of the client.
 * Must not know how they are sent.
 */
import type { Message } from '../../types/message.js'
import type { QoS } from '../../types/packets.js'
import { Delivery } from './delivery.js'
import type { Ports } from './ports.js'
import { Source } from './source.js'
import type { SessionSubscription } from './subscription.js'

export class RetainedReplay {
  readonly #subscription: SessionSubscription
  readonly #messages: Source<Message>

  constructor(
    subscription: SessionSubscription,
    { retained }: Pick<Ports, 'retained'>,
    wake: () => void,
    failed: (error: unknown) => void,
  ) {
    this.#subscription = subscription
    this.#messages = new Source(() => retained.matching([subscription.topic]), wake, failed)
  }

  /** The QoS that its messages have at most. */
  get qos(): QoS {
    return this.#subscription.qos
  }

  /** The next message, as this subscription makes of it. */
  next(): Delivery | 'waiting' | 'done' {
    const state = this.#messages.look()
    if (state !== 'ready') return state
    const message = this.#messages.take()
    const { qos, subscriptionIdentifier } = this.#subscription
    const identifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier]
    // [MQTT-3.3.1-8]: RETAIN is set, whatever Retain As Published says
    return new Delivery(message, Math.min(message.qos, qos) as QoS, true, identifiers, undefined)
  }

  close(): void {
    this.#messages.close()
  }
}
