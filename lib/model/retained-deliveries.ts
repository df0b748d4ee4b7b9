/**
 * A cache of the retained messages that were last sent to new subscriptions. Many clients may subscribe at the same
 * time, for example after a restart: they share one delivery per message, so that it is encoded once. Owns the size of
 * the cache; must not know the receivers.
 */
import type { Message } from '../../types/message/message.js'
import type { QoS } from '../../types/message/packets.js'
import { Delivery } from './delivery.js'

/** Messages in one generation. When it is full, the generation before it is forgotten. */
const CAPACITY = 1024

/** Larger messages are not cached: compared with sending them, encoding them costs little. */
const MAX_PAYLOAD_BYTES = 1024

export class RetainedDeliveries {
  #young = new Map<Message, Delivery>()
  #old = new Map<Message, Delivery>()

  /** The delivery for subscriptions with this QoS and without an identifier. */
  of(message: Message, qos: QoS): Delivery {
    const known = this.#young.get(message) ?? this.#old.get(message)
    if (known?.qos === qos) return known
    // [MQTT-3.3.1-8]: RETAIN is set, whatever Retain As Published says
    const delivery = new Delivery(message, qos, true, undefined, undefined)
    if (message.payload.length <= MAX_PAYLOAD_BYTES) this.#keep(message, delivery)
    return delivery
  }

  #keep(message: Message, delivery: Delivery): void {
    if (this.#young.size >= CAPACITY) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(message, delivery)
  }
}
