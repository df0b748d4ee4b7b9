/**
 * The retained messages that new subscriptions ask for, read at the pace of the client, one subscription after the
 * other. Owns which of them are still news; must not know how they are sent.
 */
import type { Message } from '../../types/message.js'
import type { QoS } from '../../types/packets.js'
import { Delivery } from './delivery.js'
import type { Ports } from './ports.js'
import { Source } from './source.js'
import type { SessionSubscription } from './subscription.js'

/** Topics that are remembered as overtaken; beyond that the oldest is forgotten. */
const MAX_OVERTAKEN = 10_000

/** Those of one subscription. */
class Replay {
  readonly subscription: SessionSubscription
  readonly messages: Source<Message>
  /** How many were begun on this connection, with this one. */
  readonly number: number

  constructor(subscription: SessionSubscription, messages: Source<Message>, number: number) {
    this.subscription = subscription
    this.messages = messages
    this.number = number
  }
}

export class RetainedReplays {
  readonly #retained: Ports['retained']
  readonly #wake: () => void
  readonly #failed: (error: unknown) => void
  #replays: Replay[] = []
  #begun = 0
  /** Topic -> how many replays were begun when a newer message of it went past them. */
  #overtaken: Map<string, number> | undefined

  /**
   * @param wake called when there may be a next message
   * @param failed called if the store cannot be read
   */
  constructor({ retained }: Pick<Ports, 'retained'>, wake: () => void, failed: (error: unknown) => void) {
    this.#retained = retained
    this.#wake = wake
    this.#failed = failed
  }

  get isEmpty(): boolean {
    return this.#replays.length === 0
  }

  /** The QoS that the next message has at most. */
  get qos(): QoS {
    return this.#replays[0]?.subscription.qos ?? 0
  }

  add(subscription: SessionSubscription): void {
    const messages = new Source(() => this.#retained.matching([subscription.topic]), this.#wake, this.#failed)
    this.#replays.push(new Replay(subscription, messages, ++this.#begun))
  }

  /**
   * A message goes to the client live. Where it is retained, what a store has read of its topic before is old:
   * behind the new one, it would be taken for the state of things.
   */
  overtake({ topic, retain }: Message): void {
    if (!retain || this.isEmpty) return
    this.#overtaken ??= new Map()
    this.#overtaken.delete(topic)
    this.#overtaken.set(topic, this.#begun)
    if (this.#overtaken.size > MAX_OVERTAKEN) this.#overtaken.delete(this.#overtaken.keys().next().value!)
  }

  /** The next message, as its subscription makes of it; undefined for one that is not sent, and at the end of a replay. */
  next(): Delivery | 'waiting' | undefined {
    const { subscription, messages, number } = this.#replays[0]!
    const state = messages.look()
    if (state === 'waiting') return state
    if (state === 'done') {
      this.#replays.shift()
      if (this.isEmpty) this.#overtaken = undefined
      return undefined
    }
    const message = messages.take()
    if ((this.#overtaken?.get(message.topic) ?? 0) >= number) return undefined
    const { qos, subscriptionIdentifier } = subscription
    const identifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier]
    // [MQTT-3.3.1-8]: RETAIN is set, whatever Retain As Published says
    return new Delivery(message, Math.min(message.qos, qos) as QoS, true, identifiers, undefined)
  }

  close(): void {
    for (const { messages } of this.#replays) messages.close()
  }
}
