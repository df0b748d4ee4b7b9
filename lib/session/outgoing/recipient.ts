/** The session that an outgoing path serves, as far as the path needs it. A contract. */
import type { QueueLimits } from '../../../types/persistence.js'

export interface Recipient {
  /** The client identifier. */
  readonly id: string
  /** Whether the store keeps the session, and with it a queue of messages. */
  readonly stored: boolean
  /** The limits of its queue. */
  readonly limits: QueueLimits
  /** Identifiers of the QoS 0 subscriptions that match a topic: the store does not know them. */
  identifiersOfQoS0(topic: string): readonly number[]
}
