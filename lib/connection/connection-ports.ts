/** The dependencies of a connection: the ports of its session, and its own. A contract. */
import type { Client } from '../../types/client.js'
import type { ConnectRefusal } from '../../types/hooks.js'
import type { AnaxError } from '../errors.js'
import type { Traffic } from '../model/metering/traffic.js'
import type { Admission } from '../ports/admission.js'
import type { Ports } from '../ports/ports.js'
import type { SessionDirectory } from '../session/session-directory.js'
import type { Flusher } from './stream/flusher.js'
import type { IncompletePackets } from './stream/incomplete-packets.js'

export interface ConnectionPorts extends Ports {
  readonly sessions: SessionDirectory
  readonly flusher: Flusher
  readonly admission: Admission
  readonly traffic: Traffic
  readonly incompletePackets: IncompletePackets
  /** Whether another client can connect: there is room, or it takes over the connection of the same client. */
  hasRoomFor(clientId: string): boolean
  /** Why nobody can connect now, and where else; undefined where everybody can. */
  elsewhere(): { readonly error: AnaxError; readonly refusal: ConnectRefusal } | undefined
  /** Bytes that filters of stored sessions may still take. */
  roomForFilters(): number
  /** Why no client can connect now. Clients of the host always can. */
  overloadError(client: Client): AnaxError | undefined
  /** The answer to a client that requests response information. */
  responseInformation(client: Client): string | undefined
}
