/**
 * Reads the retained messages of new subscriptions, at the pace of the client, one subscription after the other. Owns
 * the guarantee that a message which was replaced after it was read is not sent. Must not know how messages are sent.
 */
import type { Message } from '../../../types/message/message.js'
import type { QoS } from '../../../types/message/packets.js'
import { Delivery } from '../../model/delivery.js'
import type { SessionSubscription } from '../../model/subscription.js'
import type { Ports } from '../../ports/ports.js'
import { Source } from '../../util/collections/source.js'

/** Maximum number of remembered overtaken topics; beyond it the oldest is forgotten. */
const MAX_OVERTAKEN = 10_000

/** How often a topic's message is read again. One that changes faster than it is read must not block the others. */
const MAX_ATTEMPTS = 10

/** The retained messages of one subscription. */
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
  /** By topic filter. A filter that is subscribed again is replayed from the start [MQTT-3.8.4-4]. */
  readonly #replays = new Map<string, Replay>()
  /** Topics of which the client was sent a newer live message since the current replay began. */
  #overtaken: Set<string> | undefined
  #rereading: Rereading | undefined

  /**
   * @param wake called when the next message may have been read
   * @param failed called when the store cannot be read
   */
  constructor({ retained }: Pick<Ports, 'retained'>, wake: () => void, failed: (error: unknown) => void) {
    this.#retained = retained
    this.#wake = wake
    this.#failed = failed
  }

  get isEmpty(): boolean {
    return this.#replays.size === 0
  }

  /** The highest QoS that the next message can have. */
  get qos(): QoS {
    return this.#current()?.subscription.qos ?? 0
  }

  add(subscription: SessionSubscription): void {
    const { topic } = subscription
    this.end(topic)
    this.#replays.set(topic, { subscription, messages: this.#read(topic) })
  }

  /** Called when the subscription to a filter has ended: no more of its retained messages are sent [MQTT-3.10.4-2]. */
  end(filter: string): void {
    const replay = this.#replays.get(filter)
    if (replay === undefined) return
    if (replay === this.#current()) {
      this.#stopRereading()
      // the other subscriptions were not read yet
      this.#overtaken = undefined
    }
    replay.messages.close()
    this.#replays.delete(filter)
  }

  /**
   * Notes a message that is sent live. If it is retained, a retained message that was read for its topic before is
   * outdated: sent after the new one, it would look like the latest.
   */
  overtake({ topic, retain }: Message): void {
    if (!retain || this.isEmpty) return
    this.#overtaken ??= new Set()
    this.#overtaken.delete(topic)
    this.#overtaken.add(topic)
    if (this.#overtaken.size > MAX_OVERTAKEN) this.#overtaken.delete(this.#overtaken.values().next().value!)
  }

  /** The next message; undefined if this step found none and the next one may. */
  next(): Delivery | 'waiting' | undefined {
    const replay = this.#current()!
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
    return this.#deliveryOf(message, replay.subscription)
  }

  /** Skips the rest of the current replay. */
  skip(): void {
    this.end(this.#current()!.subscription.topic)
  }

  close(): void {
    this.#rereading?.messages.close()
    for (const { messages } of this.#replays.values()) messages.close()
  }

  #current(): Replay | undefined {
    return this.#replays.values().next().value
  }

  #stopRereading(): void {
    this.#rereading?.messages.close()
    this.#rereading = undefined
  }

  #read(filter: string): Source<Message> {
    return new Source(() => this.#retained.matching([filter]), this.#wake, this.#failed)
  }

  #deliveryOf(message: Message, { qos: granted, subscriptionIdentifier }: SessionSubscription): Delivery {
    const qos = Math.min(message.qos, granted) as QoS
    if (subscriptionIdentifier === undefined) return this.#retained.delivery(message, qos)
    // [MQTT-3.3.1-8]: RETAIN is set, whatever Retain As Published says
    return new Delivery(message, qos, true, [subscriptionIdentifier], undefined)
  }
}
