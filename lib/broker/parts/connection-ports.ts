/** Creates what connections use of the broker. Owns no state; must not know a connection. */
import type { ConnectionPorts } from '../../connection/connection-ports.js'
import { Flusher } from '../../connection/stream/flusher.js'
import { IncompletePackets } from '../../connection/stream/incomplete-packets.js'
import { ReadBuffers } from '../../util/memory/read-buffers.js'
import type { Draining } from '../draining.js'
import { responseInformation } from '../hooks/response-information.js'
import type { OverloadGate } from '../overload/overload-gate.js'
import type { Services } from './services.js'
import type { SessionParts } from './sessions.js'
import type { StorageParts } from './storage.js'

/** The parts that connections use. */
export interface UsedParts extends Services, SessionParts {
  readonly cluster: StorageParts['cluster']
  readonly draining: Draining
  readonly overloadGate: OverloadGate
}

export function connectionPorts(parts: UsedParts): ConnectionPorts {
  const { options, authorizer, connected, events, fairness, sessions, sessionLimits, draining, overloadGate, cluster } =
    parts
  return {
    ...parts.sessionPorts,
    sessions,
    admission: parts.admission,
    traffic: parts.traffic,
    flusher: new Flusher(fairness, cluster?.mayWrite),
    incompletePackets: new IncompletePackets(options.maxIncompleteBytes),
    readBuffers: new ReadBuffers(),
    hasRoomFor: clientId => sessions.size < options.maxConnections || connected.has(clientId),
    elsewhere: () => draining.elsewhere,
    roomForFilters: () => sessionLimits.roomForFilters,
    overloadError: (client, clientId) => (authorizer.isExempt(client) ? undefined : overloadGate.refusalOf(clientId)),
    responseInformation: client => responseInformation(client, options, events),
  }
}
