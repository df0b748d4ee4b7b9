/** The port that reports events to the host. A contract: listeners are not known here. */

import type { BrokerEvents } from '../../types/broker/events.js'
import type { Client, ClientEvents } from '../../types/client/client.js'

/** Events for the host; a listener that throws is contained and reported. */
export interface EventSink {
  emit<Name extends keyof BrokerEvents>(name: Name, ...args: BrokerEvents[Name]): void
  /** Emits an event of one client. */
  emitFrom<Name extends keyof ClientEvents>(client: Client, name: Name, ...args: ClientEvents[Name]): void
  /** Whether an event has listeners, for events that are costly to create. */
  has(name: keyof BrokerEvents): boolean
}
