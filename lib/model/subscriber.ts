/** The session of a subscription, as the routing of messages sees it. A contract. */
import type { Delivery } from './delivery.js'

export interface Subscriber {
  /** The client identifier. */
  readonly id: string
  /** Whether the store keeps the session, and with it a queue of messages. */
  readonly stored: boolean
  /** The number of messages in flight or waiting for the client. */
  readonly load: number
  /** Takes a live message; does nothing while the client is not connected. */
  deliver(delivery: Delivery): void
  /** Sends what was added to the stored queue, if the client is connected. */
  readStored(): void
}
