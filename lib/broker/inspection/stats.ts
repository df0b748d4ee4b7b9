/** Collects the current numbers from the parts of a broker. Counts nothing itself. */
import type { BrokerStats } from '../../../types/inspection.js'
import type { BrokerParts } from '../parts.js'

const UNKNOWN = { sessions: undefined, subscriptions: undefined, queuedMessages: undefined, queuedBytes: undefined }

/** @param startedAt milliseconds since the epoch; undefined where the broker was not started */
export function statsOf(parts: BrokerParts, startedAt: number | undefined): BrokerStats {
  const { store, sessions, connections, router, drops, timers, isOpen } = parts
  const counts = (isOpen ? store.counts?.() : undefined) ?? UNKNOWN
  const stored = counts.sessions
  const away = stored === undefined ? undefined : Math.max(0, stored - sessions.connected.stored)
  return {
    startedAt,
    uptimeMs: startedAt === undefined ? 0 : timers.wallTime() - startedAt,
    connections: { open: connections.size },
    clients: { connected: sessions.size, maximum: sessions.connected.maximum },
    sessions: { stored, away, total: sessions.size + (away ?? 0) },
    subscriptions: {
      connected: router.liveSubscriptions,
      stored: counts.subscriptions,
      sharedGroups: router.sharedGroups,
    },
    retained: isOpen ? { messages: store.retainedCount, bytes: store.retainedBytes } : { messages: 0, bytes: 0 },
    queued: { messages: counts.queuedMessages, bytes: counts.queuedBytes },
    drops: drops.byReason,
  }
}
