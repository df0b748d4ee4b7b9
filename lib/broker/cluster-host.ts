/**
 * Creates the parts that make a broker a node of a cluster, and connects them with router and sessions. Owns nothing;
 * must not know the engine.
 */
import type { Cluster } from '../../types/cluster.js'
import { ClusterParts } from '../cluster/cluster-parts.js'
import type { Congestion } from '../model/metering/congestion.js'
import type { EventSink } from '../ports/event-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { Router } from '../routing/router.js'
import { extendedLimits } from '../session/outgoing/pressure.js'
import type { Timers } from '../util/scheduling/timers.js'
import type { HookAuthorizer } from './hooks/authorizer.js'
import { BackPressure } from './publish/back-pressure.js'
import type { QueueLimitRules } from './publish/queue-limits.js'
import type { SessionRegistry } from './sessions/session-registry.js'

/** Creates the parts of a cluster. `parts` returns router and sessions once they exist. */
export function clusterOf(
  cluster: Cluster,
  common: {
    options: ResolvedOptions
    authorizer: HookAuthorizer
    events: EventSink
    timers: Timers
    congestion: Congestion
  },
  parts: () => { router: Router; sessions: SessionRegistry; limits: QueueLimitRules },
): ClusterParts {
  // a stored session causes no back-pressure: messages beyond its limits stay in the log until it has room
  const pressureOf = (clientId: string) => {
    const session = parts().sessions.ownerOf(clientId)?.session
    return session?.stored === false ? session.pressure : undefined
  }
  // if nothing waits in the session, the broker has merely not read its log yet
  const limitsNow = (clientId: string) => {
    const pressure = parts().sessions.ownerOf(clientId)?.session?.pressure
    const own = parts().limits.of(clientId)
    return pressure === undefined || pressure.messages === 0
      ? extendedLimits(own, common.options)
      : pressure.extend(own)
  }
  const { congestion } = common
  const room = new BackPressure({ congestion, pressureOf, clientsOf: topic => parts().router.clientsOf(topic) })
  return new ClusterParts({
    ...common,
    cluster,
    leaseMs: common.options.leaseMs,
    host: {
      route: message => parts().router.route(message),
      memberFor: (share, message) => parts().router.shared.memberFor(share, message),
      storedHere: topic => parts().router.storedHere(topic),
      hold: message => room.hold(message),
      limitsOf: clientId => parts().limits.of(clientId),
      limitsNow,
      read: (clientId, bytes) => parts().sessions.read(clientId, bytes),
      letGo: clientId => parts().sessions.letGo(clientId),
      leaseLost: async error => parts().sessions.lostLease?.disconnect(error, common.options.lostLease),
      leaseTaken: async () => parts().sessions.lostLease?.reclaim(),
      processDue: clientId => parts().sessions.processDue(clientId),
    },
  })
}
