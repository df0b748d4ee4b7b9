/** Collects the current numbers from the parts of a broker. Counts nothing itself. */

import type {
  AuthenticationStats,
  BrokerLimits,
  BrokerStats,
  ClusterNumbers,
} from '../../../types/broker/inspection.js'
import type { ClusterStats } from '../../../types/cluster.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import type { Load } from '../../model/metering/load.js'
import type { OverloadState } from '../../model/metering/overload.js'
import type { SubscriptionLoad } from '../../model/metering/subscription-bytes.js'
import type { Traffic } from '../../model/metering/traffic.js'
import type { Router } from '../../routing/router.js'
import type { Fairness } from '../../util/scheduling/fairness.js'
import type { Timers } from '../../util/scheduling/timers.js'
import type { EventCounts } from '../hooks/event-counts.js'
import type { DropCounts } from '../publish/drop-counts.js'
import type { ConnectedClients } from '../sessions/connected-clients.js'
import type { WillLimits } from '../sessions/will-limits.js'
import { flowStats } from './flow-stats.js'

const UNKNOWN = { sessions: undefined, subscriptions: undefined, queuedMessages: undefined, queuedBytes: undefined }

/** The parts that the numbers come from. */
export interface CountedParts {
  readonly store: SessionPersistence
  readonly sessions: { readonly size: number }
  readonly connected: ConnectedClients
  readonly willLimits: Pick<WillLimits, 'count' | 'bytes'>
  readonly connections: { readonly size: number }
  readonly router: Router
  readonly drops: DropCounts
  readonly counts: EventCounts
  readonly timers: Timers
  readonly authorizer: { readonly authentication: AuthenticationStats }
  readonly cluster: { readonly stats: ClusterStats | undefined } | undefined
  readonly load: Load
  readonly subscriptionLoad: SubscriptionLoad
  readonly overload: OverloadState
  readonly traffic: Traffic
  readonly fairness: Fairness
}

/** The run of the broker that the numbers belong to. */
export interface Run {
  /** Whether the store was opened. */
  readonly isOpen: boolean
  /** Undefined if the broker was not started. */
  readonly start: Start | undefined
}

/** When the broker was started, on both clocks: the wall clock may be set later, by hours and by years. */
export interface Start {
  /** Milliseconds since the epoch. */
  readonly wallTime: number
  /** Monotonic milliseconds. */
  readonly now: number
}

export function startAt(timers: Timers): Start {
  return { wallTime: timers.wallTime(), now: timers.now() }
}

export function statsOf(parts: CountedParts, { isOpen, start }: Run): BrokerStats {
  const { store, sessions, connected, connections, router, drops, timers, load, traffic, fairness } = parts
  const counts = (isOpen ? store.counts?.() : undefined) ?? UNKNOWN
  const stored = counts.sessions
  const away = stored === undefined ? undefined : Math.max(0, stored - connected.stored)
  return {
    startedAt: start?.wallTime,
    uptimeMs: start === undefined ? 0 : Math.round(timers.now() - start.now),
    connections: { open: connections.size, total: parts.counts.connections, refused: parts.counts.refusedBy },
    clients: {
      connected: sessions.size,
      maximum: connected.maximum,
      total: parts.counts.clients,
      disconnected: parts.counts.disconnectedBy,
      throttled: parts.counts.throttled,
      flapping: parts.counts.flapping,
    },
    sessions: { stored, away, total: sessions.size + (away ?? 0), ended: parts.counts.endedBy },
    subscriptions: {
      connected: router.liveSubscriptions,
      stored: counts.subscriptions,
      total:
        counts.subscriptions === undefined
          ? undefined
          : counts.subscriptions + router.liveSubscriptions - router.liveStoredSubscriptions,
      shared: router.shared.members,
      sharedGroups: router.shared.groups,
      bytes: parts.subscriptionLoad.bytes,
    },
    retained: retainedOf(parts, isOpen),
    wills: { messages: parts.willLimits.count, bytes: parts.willLimits.bytes },
    queued: { messages: counts.queuedMessages, bytes: counts.queuedBytes },
    inflight: load.inflight,
    waiting: { messages: load.waitingMessages, bytes: load.waitingBytes },
    received: flowStats(traffic.received),
    sent: flowStats(traffic.sent),
    overload: overloadStats(parts.overload),
    publishRefused: parts.counts.publishRefusedBy,
    authentication: { ...parts.authorizer.authentication },
    scheduler: { waiting: fairness.waiting, pauses: fairness.pauses },
    failures: { hooks: parts.counts.hookFailures, store: parts.counts.storeFailures },
    drops: drops.byReason,
    cluster: parts.cluster && clusterNumbers(parts.cluster.stats, parts.counts),
  }
}

function retainedOf({ cluster, store }: CountedParts, isOpen: boolean): BrokerStats['retained'] {
  if (cluster !== undefined) return { messages: undefined, bytes: undefined }
  return isOpen ? { messages: store.retainedCount, bytes: store.retainedBytes } : { messages: 0, bytes: 0 }
}

/** The limits of the numbers. */
export function limitsOf(options: BrokerLimits): BrokerLimits {
  const { maxConnections, maxSessions, maxTotalQueuedBytes, maxRetainedMessages, maxRetainedBytes } = options
  const { maxPacketSize, maxConnectSize } = options
  const ofAll = { maxConnections, maxSessions, maxTotalQueuedBytes, maxRetainedMessages, maxRetainedBytes }
  return { ...ofAll, maxPacketSize, maxConnectSize }
}

function clusterNumbers(engine: ClusterStats | undefined, counts: EventCounts): ClusterNumbers {
  const { takeovers, leasesLost, lateWrites } = counts
  return { engine, takeovers, leasesLost, lateWrites }
}

function overloadStats({ cause, since, times, eventLoopDelayMs, memoryBytes }: OverloadState): BrokerStats['overload'] {
  return { cause, since, times, eventLoopDelayMs, memoryBytes }
}
