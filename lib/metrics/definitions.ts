/**
 * The metrics: name, help, labels, and how each is read from the numbers of a broker. Owns the names, which follow
 * Prometheus' rules; must not know the package that serves them.
 */

import type { BrokerStats, SlowClient, Timing } from '../../types/broker/inspection.js'
import type { ShardStats } from '../../types/cluster.js'

/** One value with its labels. */
export interface Sample {
  labels: Record<string, string | number>
  value: number
}

/** One metric. Counters never decrease. */
export interface Definition {
  name: string
  type: 'counter' | 'gauge'
  help: string
  labels: readonly string[]
  /** Undefined values are omitted: the store does not provide them. */
  read(stats: BrokerStats): readonly Sample[]
}

const NO_LABELS: readonly string[] = []

function single(
  type: Definition['type'],
  name: string,
  help: string,
  read: (stats: BrokerStats) => number | undefined,
) {
  return {
    name,
    type,
    help,
    labels: NO_LABELS,
    read: (stats: BrokerStats) => {
      const value = read(stats)
      return value === undefined ? [] : [{ labels: {}, value }]
    },
  } satisfies Definition
}

/** A counter for each key of a record. The keys are a closed set, so there are only a few. */
function counterBy(
  label: string,
  name: string,
  help: string,
  read: (stats: BrokerStats) => Readonly<Record<string, number | undefined>>,
): Definition {
  const samples = (stats: BrokerStats) =>
    Object.entries(read(stats)).map(([key, value]) => ({ labels: { [label]: key }, value: value ?? 0 }))
  return { name, type: 'counter', help, labels: [label], read: samples }
}

/** A gauge for each shard of a cluster. */
function gaugeByShard(name: string, help: string, read: (shard: ShardStats) => number): Definition {
  const samples = ({ cluster }: BrokerStats) =>
    (cluster?.engine?.shards ?? []).map((shard, index) => ({ labels: { shard: index }, value: read(shard) }))
  return { name, type: 'gauge', help, labels: ['shard'], read: samples }
}

const WAYS = ['received', 'sent'] as const

function counterByWay(
  label: string | undefined,
  name: string,
  help: string,
  read: (flow: BrokerStats['received']) => Readonly<Record<string, number>>,
): Definition {
  const samples = (stats: BrokerStats) =>
    WAYS.flatMap(direction =>
      Object.entries(read(stats[direction])).map(([key, value]) => ({
        labels: { direction, ...(label !== undefined && { [label]: key }) },
        value,
      })),
    )
  return {
    name,
    type: 'counter',
    help,
    labels: label === undefined ? ['direction'] : ['direction', label],
    read: samples,
  }
}

/** All of them, without the prefix. */
export const DEFINITIONS: readonly Definition[] = [
  single('gauge', 'uptime_seconds', 'Time since the broker was started.', ({ uptimeMs }) => uptimeMs / 1000),
  single('gauge', 'connections', 'Open streams, connected clients or not.', stats => stats.connections.open),
  single('counter', 'connections_total', 'Streams passed to the broker.', stats => stats.connections.total),
  counterBy('code', 'connections_refused_total', 'Streams that ended before their client was accepted.', stats => {
    return stats.connections.refused
  }),
  single('gauge', 'clients', 'Connected clients.', stats => stats.clients.connected),
  single('counter', 'clients_total', 'Accepted clients.', stats => stats.clients.total),
  counterBy('reason', 'clients_disconnected_total', 'Ended connections of accepted clients.', stats => {
    return stats.clients.disconnected
  }),
  single('counter', 'clients_throttled_total', 'Clients slowed down because of a rate.', stats => {
    return stats.clients.throttled
  }),
  single(
    'counter',
    'clients_flapping_total',
    'Clients found to take over each other.',
    stats => stats.clients.flapping,
  ),
  single('gauge', 'sessions', 'Sessions, of connected clients and of others.', stats => stats.sessions.total),
  single('gauge', 'sessions_stored', 'Sessions that the store keeps.', stats => stats.sessions.stored),
  single('gauge', 'sessions_away', 'Stored sessions of disconnected clients.', stats => stats.sessions.away),
  counterBy('reason', 'sessions_ended_total', 'Stored sessions that ended.', stats => stats.sessions.ended),
  single('gauge', 'subscriptions', 'Subscriptions of connected clients.', stats => stats.subscriptions.connected),
  single('gauge', 'subscriptions_stored', 'Subscriptions of stored sessions.', stats => stats.subscriptions.stored),
  single('gauge', 'shared_subscriptions', 'Shared subscriptions, of clients that are connected or not.', stats => {
    return stats.subscriptions.shared
  }),
  single('gauge', 'shared_groups', 'Groups of shared subscriptions.', stats => stats.subscriptions.sharedGroups),
  single('gauge', 'subscription_bytes', 'Bytes of the subscriptions of connected clients.', stats => {
    return stats.subscriptions.bytes
  }),
  single('gauge', 'retained_messages', 'Retained messages.', stats => stats.retained.messages),
  single('gauge', 'retained_bytes', 'Bytes of retained messages.', stats => stats.retained.bytes),
  single(
    'gauge',
    'queued_messages',
    'Messages in queues of the store, each counted once.',
    stats => stats.queued.messages,
  ),
  single('gauge', 'queued_bytes', 'Bytes of the messages in queues of the store.', stats => stats.queued.bytes),
  single('gauge', 'wills', 'Stored wills.', stats => stats.wills.messages),
  single('gauge', 'will_bytes', 'Bytes of stored wills.', stats => stats.wills.bytes),
  single('gauge', 'overloaded', 'Whether clients are refused for overload.', stats =>
    Number(stats.overload.cause !== undefined),
  ),
  single('counter', 'overloads_total', 'How often the broker was overloaded.', stats => stats.overload.times),
  single('gauge', 'inflight_messages', 'Messages sent to clients and not acknowledged.', stats => stats.inflight),
  single('gauge', 'waiting_messages', 'Messages that wait in memory for clients.', stats => stats.waiting.messages),
  single('gauge', 'waiting_bytes', 'Bytes of the messages that wait in memory.', stats => stats.waiting.bytes),
  counterByWay('type', 'packets_total', 'MQTT packets.', flow => flow.packets),
  counterByWay('qos', 'messages_total', 'PUBLISH packets.', ({ messages: [qos0, qos1, qos2] }) => ({
    0: qos0,
    1: qos1,
    2: qos2,
  })),
  counterByWay(undefined, 'bytes_total', 'Bytes of MQTT, without TLS and WebSocket.', ({ bytes }) => ({ bytes })),
  counterByWay(undefined, 'payload_bytes_total', 'Bytes of the payloads of PUBLISH packets.', ({ payloadBytes }) => ({
    payloadBytes,
  })),
  counterBy('reason', 'messages_dropped_total', 'Messages that did not reach a client.', stats => stats.drops),
  counterBy('code', 'publish_refused_total', 'Refused messages.', stats => stats.publishRefused),
  counterBy('result', 'authentications_total', 'Clients authenticated by a hook.', stats => ({
    ...stats.authentication,
  })),
  single('gauge', 'scheduler_waiting', 'Pieces of work that wait for a later turn of the event loop.', stats => {
    return stats.scheduler.waiting
  }),
  single('counter', 'scheduler_pauses_total', 'Work that paused until a later turn of the event loop.', stats => {
    return stats.scheduler.pauses
  }),
  counterBy('part', 'failures_total', 'Failures of hooks or listeners, and of store or bus.', stats => stats.failures),
  // without a cluster these have no values
  single('gauge', 'cluster_nodes', 'Nodes of the cluster, 0 while this one is not a member.', ({ cluster }) => {
    return cluster && (cluster.engine?.nodes.length ?? 0)
  }),
  single('gauge', 'cluster_lease_seconds', 'Time that the lease of this node holds without renewal.', ({ cluster }) => {
    return cluster && (cluster.engine?.leaseMsLeft ?? 0) / 1000
  }),
  single('gauge', 'cluster_claims', 'Client identifiers that this node owns.', stats => stats.cluster?.engine?.claims),
  gaugeByShard('cluster_shard_lag', 'Messages of the log that this node wants and has not read.', ({ lag }) => lag),
  gaugeByShard('cluster_shard_pending_writes', 'Writes that wait for the engine.', ({ pendingWrites }) => {
    return pendingWrites
  }),
  single('counter', 'cluster_writes_total', 'Round trips of writes to the engine.', stats => {
    return stats.cluster?.engine?.writes.count
  }),
  single('counter', 'cluster_write_seconds_total', 'Time that these round trips took.', stats => {
    const ms = stats.cluster?.engine?.writes.ms
    return ms === undefined ? undefined : ms / 1000
  }),
  single(
    'counter',
    'cluster_takeovers_total',
    'Sessions taken over from other nodes.',
    stats => stats.cluster?.takeovers,
  ),
  single('counter', 'cluster_leases_lost_total', 'Leases that this node lost.', stats => stats.cluster?.leasesLost),
  single(
    'counter',
    'cluster_late_writes_total',
    'Writes that the engine refused because they came too late.',
    stats => {
      return stats.cluster?.lateWrites
    },
  ),
]

/** Metrics of the slowest clients: only a few, whatever the number of clients. */
export const SLOW_CLIENTS: readonly (Omit<Definition, 'read'> & { read(client: SlowClient): number })[] = [
  {
    name: 'slow_client_waiting_messages',
    type: 'gauge',
    help: 'Messages that wait for one of the slowest clients.',
    labels: ['client'],
    read: ({ waiting }) => waiting.messages,
  },
  {
    name: 'slow_client_waiting_bytes',
    type: 'gauge',
    help: 'Bytes of the messages that wait for one of the slowest clients.',
    labels: ['client'],
    read: ({ waiting }) => waiting.bytes,
  },
]

/** Each timed operation -> its histogram. */
export const HISTOGRAMS: Readonly<Record<Timing['part'], { name: string; help: string; labels: readonly string[] }>> = {
  hook: { name: 'hook_duration_seconds', help: 'From the call of a hook to its answer.', labels: ['hook'] },
  store: {
    name: 'store_duration_seconds',
    help: 'Until an operation of the store is done, of stores outside of memory.',
    labels: ['operation'],
  },
  bus: { name: 'bus_duration_seconds', help: 'Until the bus of the host has a message.', labels: [] },
  message: {
    name: 'message_duration_seconds',
    help: 'From the arrival of a message until it is stored and written to subscribers.',
    labels: [],
  },
}
