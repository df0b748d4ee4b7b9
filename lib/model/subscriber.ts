/** The session behind a subscription, as far as those who route messages need it. A contract. */
import type { Delivery } from './delivery.js'

export interface Subscriber {
  /** The client identifier. */
  readonly id: string
  /** Whether the store keeps the session, and with it a queue of messages. */
  readonly stored: boolean
  /** How many messages are under way to the client. */
  readonly load: number
  /** Takes a live message; does nothing while the client is not connected. */
  deliver(delivery: Delivery): void
  /** Sends what was added to the stored queue, if the client is connected. */
  readStored(): void
}
