/**
 * The retained messages that new subscriptions ask for, read at the pace of the client, one subscription after the
 * other. Owns that none comes which was replaced since it was read; must not know how they are sent.
 */
import type { Message } from '../../types/message.js'
import type { QoS } from '../../types/packets.js'
import { Delivery } from '../model/delivery.js'
import type { SessionSubscription } from '../model/subscription.js'
import { Source } from '../util/source.js'
import type { Ports } from './ports.js'

/** Topics that are remembered as overtaken; beyond that the oldest is forgotten. */
const MAX_OVERTAKEN = 10_000

/** A topic whose message changes faster than the store reads it must not hold up the others for ever. */
const MAX_ATTEMPTS = 10

/** Those of one subscription. */
interface Replay {
  subscription: SessionSubscription
  messages: Source<Message>
}

/** A topic whose message has to be read again. */
interface Rereading {
  messages: Source<Message>
  attempt: number
}

export class RetainedReplays {
  readonly #retained: Ports['retained']
  readonly #wake: () => void
  readonly #failed: (error: unknown) => void
  /** By filter: one that is subscribed again begins anew [MQTT-3.8.4-4]. */
  readonly #replays = new Map<string, Replay>()
  /** Topics of which a newer message went to the client since the first replay was begun. */
  #overtaken: Set<string> | undefined
  #rereading: Rereading | undefined

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
    return this.#replays.size === 0
  }

  /** The QoS that the next message has at most. */
  get qos(): QoS {
    return this.#current?.subscription.qos ?? 0
  }

  add(subscription: SessionSubscription): void {
    const { topic } = subscription
    this.end(topic)
    this.#replays.set(topic, { subscription, messages: this.#read(topic) })
  }

  /** The subscription to a filter is no more: none of its retained messages is sent any more [MQTT-3.10.4-2]. */
  end(filter: string): void {
    const replay = this.#replays.get(filter)
    if (replay === undefined) return
    if (replay === this.#current) {
      this.#stopRereading()
      // what other subscriptions get is not read yet
      this.#overtaken = undefined
    }
    replay.messages.close()
    this.#replays.delete(filter)
  }

  /**
   * A message goes to the client live. Where it is retained, what was read of its topic before is old: behind the new
   * one, it would be taken for the state of things.
   */
  overtake({ topic, retain }: Message): void {
    if (!retain || this.isEmpty) return
    this.#overtaken ??= new Set()
    this.#overtaken.delete(topic)
    this.#overtaken.add(topic)
    if (this.#overtaken.size > MAX_OVERTAKEN) this.#overtaken.delete(this.#overtaken.values().next().value!)
  }

  /** The next message, as its subscription makes of it; undefined where there is none yet, but may be at once. */
  next(): Delivery | 'waiting' | undefined {
    const replay = this.#current!
    const { messages } = this.#rereading ?? replay
    const attempt = this.#rereading?.attempt ?? 0
    const state = messages.look()
    if (state === 'waiting') return state
    if (state === 'done') {
      if (this.#rereading !== undefined) this.#stopRereading()
      else this.end(replay.subscription.topic)
      return undefined
    }
    const message = messages.take()
    this.#stopRereading()
    if (attempt < MAX_ATTEMPTS && this.#overtaken?.delete(message.topic)) {
      this.#rereading = { messages: this.#read(message.topic), attempt: attempt + 1 }
      return undefined
    }
    return deliveryOf(message, replay.subscription)
  }

  /** Nothing more comes of the present one. */
  skip(): void {
    this.end(this.#current!.subscription.topic)
  }

  close(): void {
    this.#rereading?.messages.close()
    for (const { messages } of this.#replays.values()) messages.close()
  }

  get #current(): Replay | undefined {
    return this.#replays.values().next().value
  }

  #stopRereading(): void {
    this.#rereading?.messages.close()
    this.#rereading = undefined
  }

  #read(filter: string): Source<Message> {
    return new Source(() => this.#retained.matching([filter]), this.#wake, this.#failed)
  }
}

function deliveryOf(message: Message, { qos, subscriptionIdentifier }: SessionSubscription): Delivery {
  const identifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier]
  // [MQTT-3.3.1-8]: RETAIN is set, whatever Retain As Published says
  return new Delivery(message, Math.min(message.qos, qos) as QoS, true, identifiers, undefined)
}
