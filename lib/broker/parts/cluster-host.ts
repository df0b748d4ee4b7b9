/**
 * Creates the parts that make a broker a node of a cluster, and connects them with router and sessions. Owns nothing;
 * must not know the engine.
 */
import type { Cluster } from '../../../types/cluster.js'
import { ClusterParts } from '../../cluster/cluster-parts.js'
import type { Router } from '../../routing/router.js'
import { extendedLimits } from '../../session/outgoing/pressure.js'
import { BackPressure } from '../publish/back-pressure.js'
import type { SessionRegistry } from '../sessions/session-registry.js'
import type { Services } from './services.js'

/** The parts that a cluster calls once the broker has started. */
export interface ClusterUsers {
  readonly router: Router
  readonly sessions: SessionRegistry
}

/** Creates the parts of a cluster. */
export function clusterOf(cluster: Cluster, services: Services, users: () => ClusterUsers): ClusterParts {
  const { options, congestion, connected, queueLimits } = services
  // a stored session causes no back-pressure: messages beyond its limits stay in the log until it has room
  const pressureOf = (clientId: string) => {
    const session = connected.ownerOf(clientId)?.session
    return session?.stored === false ? session.pressure : undefined
  }
  // if nothing waits in the session, the broker has merely not read its log yet
  const limitsNow = (clientId: string) => {
    const pressure = connected.ownerOf(clientId)?.session?.pressure
    const own = queueLimits.of(clientId)
    return pressure === undefined || pressure.messages === 0 ? extendedLimits(own, options) : pressure.extend(own)
  }
  const room = new BackPressure({ congestion, pressureOf, clientsOf: topic => users().router.clientsOf(topic) })
  return new ClusterParts({
    ...services,
    cluster,
    leaseMs: options.leaseMs,
    host: {
      route: message => users().router.route(message),
      memberFor: (share, message) => users().router.shared.memberFor(share, message),
      storedHere: topic => users().router.storedHere(topic),
      hold: message => room.hold(message),
      limitsOf: clientId => queueLimits.of(clientId),
      limitsNow,
      read: (clientId, bytes) => connected.read(clientId, bytes),
      letGo: clientId => users().sessions.letGo(clientId),
      leaseLost: async error => users().sessions.lostLease?.disconnect(error, options.lostLease),
      leaseTaken: async () => users().sessions.lostLease?.reclaim(),
      processDue: clientId => users().sessions.processDue(clientId),
    },
  })
}
