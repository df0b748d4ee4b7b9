/** Each number of a broker, raised by 3, changes its metric by 3, and no other metric. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../lib/index.js'
import { DEFINITIONS } from '../../lib/metrics/definitions.js'
import { createMetrics } from '../../lib/metrics/index.js'
import type { BrokerStats } from '../../types/broker/inspection.js'
import { difference, scrape } from './scrape.js'

const CLUSTER: BrokerStats['cluster'] = {
  engine: {
    nodes: [{ node: 'a', isSelf: true }],
    leaseMsLeft: 1000,
    claims: 1,
    shards: [{ sequence: 1, pendingWrites: 1, lag: 1 }],
    writeMs: 1,
    writes: { count: 1, ms: 1000 },
    refusedWrites: 0,
  },
  takeovers: 1,
  leasesLost: 1,
  lateWrites: 1,
}

/** Path of a number -> its metric. Milliseconds become seconds. */
const MOVES: Record<string, string> = {
  uptimeMs: 'uptime_seconds',
  'connections.open': 'connections',
  'connections.total': 'connections_total',
  'connections.refused.ANAX_ERR_SERVER_BUSY': 'connections_refused_total{code=ANAX_ERR_SERVER_BUSY}',
  'clients.connected': 'clients',
  'clients.total': 'clients_total',
  'clients.disconnected.takeover': 'clients_disconnected_total{reason=takeover}',
  'clients.throttled': 'clients_throttled_total',
  'clients.flapping': 'clients_flapping_total',
  'sessions.total': 'sessions',
  'sessions.stored': 'sessions_stored',
  'sessions.away': 'sessions_away',
  'sessions.ended.expired': 'sessions_ended_total{reason=expired}',
  'subscriptions.connected': 'subscriptions',
  'subscriptions.stored': 'subscriptions_stored',
  'subscriptions.shared': 'shared_subscriptions',
  'subscriptions.sharedGroups': 'shared_groups',
  'subscriptions.bytes': 'subscription_bytes',
  'retained.messages': 'retained_messages',
  'retained.bytes': 'retained_bytes',
  'queued.messages': 'queued_messages',
  'queued.bytes': 'queued_bytes',
  'wills.messages': 'wills',
  'wills.bytes': 'will_bytes',
  'overload.times': 'overloads_total',
  inflight: 'inflight_messages',
  'waiting.messages': 'waiting_messages',
  'waiting.bytes': 'waiting_bytes',
  'received.packets.pingreq': 'packets_total{direction=received,type=pingreq}',
  'sent.packets.pingresp': 'packets_total{direction=sent,type=pingresp}',
  'received.messages.0': 'messages_total{direction=received,qos=0}',
  'sent.messages.1': 'messages_total{direction=sent,qos=1}',
  'sent.messages.2': 'messages_total{direction=sent,qos=2}',
  'received.bytes': 'bytes_total{direction=received}',
  'sent.bytes': 'bytes_total{direction=sent}',
  'received.payloadBytes': 'payload_bytes_total{direction=received}',
  'sent.payloadBytes': 'payload_bytes_total{direction=sent}',
  'drops.queue-full': 'messages_dropped_total{reason=queue-full}',
  'publishRefused.ANAX_ERR_QUOTA': 'publish_refused_total{code=ANAX_ERR_QUOTA}',
  'authentication.accepted': 'authentications_total{result=accepted}',
  'authentication.refused': 'authentications_total{result=refused}',
  'authentication.failed': 'authentications_total{result=failed}',
  'scheduler.waiting': 'scheduler_waiting',
  'scheduler.pauses': 'scheduler_pauses_total',
  'failures.hooks': 'failures_total{part=hooks}',
  'failures.store': 'failures_total{part=store}',
  'cluster.engine.leaseMsLeft': 'cluster_lease_seconds',
  'cluster.engine.claims': 'cluster_claims',
  'cluster.engine.shards.0.lag': 'cluster_shard_lag{shard=0}',
  'cluster.engine.shards.0.pendingWrites': 'cluster_shard_pending_writes{shard=0}',
  'cluster.engine.writes.count': 'cluster_writes_total',
  'cluster.engine.writes.ms': 'cluster_write_seconds_total',
  'cluster.takeovers': 'cluster_takeovers_total',
  'cluster.leasesLost': 'cluster_leases_lost_total',
  'cluster.lateWrites': 'cluster_late_writes_total',
}

/** Not numbers. */
const OTHERS: Record<string, [metric: string, change: (stats: BrokerStats) => void, by: number]> = {
  overloaded: ['overloaded', stats => (stats.overload.cause = 'memory'), 1],
  nodes: [
    'cluster_nodes',
    ({ cluster }) => {
      const nodes = cluster!.engine!.nodes as { node: string; isSelf: boolean }[]
      nodes.push({ node: 'b', isSelf: false }, { node: 'c', isSelf: false })
    },
    2,
  ],
}

function raise(stats: BrokerStats, path: string): void {
  const names = path.split('.')
  const last = names.pop()!
  // biome-ignore lint/suspicious/noExplicitAny: any part of the numbers
  const owner = names.reduce<any>((object, name) => object[name], stats)
  owner[last] = (owner[last] ?? 0) + (/(^ms|Ms|MsLeft)$/.test(last) ? 3000 : 3)
}

async function numbers(): Promise<BrokerStats> {
  await using broker = await createBroker()
  return structuredClone({ ...broker.stats(), cluster: CLUSTER })
}

test('each statistic of the broker changes one metric by the same amount', async t => {
  const stats = await numbers()
  const metrics = await createMetrics({ stats: () => stats, slowClients: () => [], sampleTimings: () => () => {} })
  t.after(() => metrics.close())
  const moved = async (change: () => void) => {
    const before = await scrape(metrics)
    change()
    return difference(before, await scrape(metrics), 'anax_event_loop')
  }
  for (const [path, metric] of Object.entries(MOVES)) {
    assert.deepEqual(await moved(() => raise(stats, path)), { [`anax_${metric}`]: 3 }, path)
  }
  for (const [metric, change, by] of Object.values(OTHERS)) {
    assert.deepEqual(await moved(() => change(stats)), { [`anax_${metric}`]: by }, metric)
  }
})

test('these are all metrics', () => {
  const tested = [...Object.values(MOVES), ...Object.values(OTHERS).map(([metric]) => metric)]
  const names = new Set(tested.map(metric => metric.replace(/\{.*/, '')))
  assert.deepEqual([...names].toSorted(), DEFINITIONS.map(({ name }) => name).toSorted())
})
