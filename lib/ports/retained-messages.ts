/** The port from which new subscriptions read retained messages. A contract: limits and store are not known here. */
import type { Message } from '../../types/message/message.js'
import type { QoS } from '../../types/message/packets.js'
import type { MaybeAsyncIterable } from '../../types/persistence.js'
import type { Delivery } from '../model/delivery.js'

export interface RetainedMessages {
  /** The retained messages whose topics match one of the filters. */
  matching(filters: readonly string[]): MaybeAsyncIterable<Message>
  /** One of them for a subscription with this QoS and without an identifier. */
  delivery(message: Message, qos: QoS): Delivery
}
