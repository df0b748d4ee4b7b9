/** The dependencies of a connection: the ports of its session, and its own. A contract. */

import type { ConnectRefusal } from '../../types/broker/hooks.js'
import type { Client } from '../../types/client/client.js'
import type { AnaxError } from '../errors.js'
import type { Traffic } from '../model/metering/traffic.js'
import type { Admission } from '../ports/admission.js'
import type { Ports } from '../ports/ports.js'
import type { SessionDirectory } from '../session/session-directory.js'
import type { ReadBuffers } from '../util/memory/read-buffers.js'
import type { Flusher } from './stream/flusher.js'
import type { IncompletePackets } from './stream/incomplete-packets.js'

export interface ConnectionPorts extends Ports {
  readonly sessions: SessionDirectory
  readonly flusher: Flusher
  readonly admission: Admission
  readonly traffic: Traffic
  readonly incompletePackets: IncompletePackets
  readonly readBuffers: ReadBuffers
  /** Whether a client can connect: there is room, or it takes over the connection of the same client. */
  hasRoomFor(clientId: string): boolean
  /** The refusal while the broker is being drained, with another server; undefined otherwise. */
  elsewhere(): { readonly error: AnaxError; readonly refusal: ConnectRefusal } | undefined
  /** Remaining bytes for the filters of stored sessions. */
  roomForFilters(): number
  /** The refusal while the broker is overloaded. Clients of the host are never refused. */
  overloadError(client: Client, clientId: string): AnaxError | undefined
  /** The answer to a client that requests response information. */
  responseInformation(client: Client): string | undefined
}
