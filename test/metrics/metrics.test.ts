/** A scrape as Prometheus gets it, read by a parser that is not ours: each metric moves by what happened. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { DEFINITIONS } from '../../lib/metrics/definitions.js'
import { createMetrics, type Metrics } from '../../lib/metrics/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import { connectTo, withBrokers } from '../support/brokers.js'
import { ROOT } from '../support/root.js'
import { keptSession } from '../support/spec.js'
import { STORES } from '../support/stores.js'

interface Family {
  name: string
  help: string
  type: string
  metrics: { value: string; labels?: Record<string, string> }[]
}

const parse: (text: string) => Family[] = createRequire(import.meta.url)('parse-prometheus-text-format')

/** `name{label=value,…}` -> value. */
async function scrape({ registry }: Metrics): Promise<Record<string, number>> {
  const values: Record<string, number> = {}
  for (const { name, metrics } of parse(await registry.metrics())) {
    for (const { value, labels = {} } of metrics) {
      const text = Object.entries(labels).map(([label, of]) => `${label}=${of}`)
      values[text.length === 0 ? name : `${name}{${text.join(',')}}`] = Number(value)
    }
  }
  return values
}

/** What moved, by how much. */
function difference(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  const moved = Object.keys(after).map(name => [name, after[name]! - (before[name] ?? 0)] as const)
  return Object.fromEntries(moved.filter(([name, by]) => by !== 0 && !/uptime|event_loop/.test(name)))
}

test('each metric moves by exactly what happened', () =>
  withBrokers([{ authenticate: (_client, username) => username !== 'eve' }], async ([broker]) => {
    const metrics = await createMetrics(broker)
    const subscriber = await connectTo(broker, 'subscriber', keptSession(5))
    const publisher = await connectTo(broker, 'publisher')
    const before = await scrape(metrics)
    await subscriber.subscribe({ topic: 't', qos: 1 }, { topic: '$share/g/s', qos: 0 })
    await publisher.publish({ topic: 't', payload: Buffer.from('four'), qos: 1, retain: true })
    await subscriber.expect('publish')
    const after = await scrape(metrics)
    const moved = difference(before, after)
    const bytes = Object.entries(moved).filter(([name]) => name.startsWith('anax_bytes_total'))
    assert.ok(bytes.length === 2 && bytes.every(([, by]) => by > 20))
    assert.deepEqual(
      Object.fromEntries(Object.entries(moved).filter(([name]) => !name.startsWith('anax_bytes_total'))),
      {
        anax_subscriptions: 2,
        anax_subscriptions_stored: 2,
        anax_shared_groups: 1,
        anax_retained_messages: 1,
        anax_retained_bytes: 4,
        anax_queued_messages: 1,
        anax_queued_bytes: 4,
        anax_inflight_messages: 1,
        'anax_packets_total{direction=received,type=publish}': 1,
        'anax_packets_total{direction=received,type=subscribe}': 1,
        'anax_packets_total{direction=sent,type=publish}': 1,
        'anax_packets_total{direction=sent,type=puback}': 1,
        'anax_packets_total{direction=sent,type=suback}': 1,
        'anax_messages_total{direction=received,qos=1}': 1,
        'anax_messages_total{direction=sent,qos=1}': 1,
        'anax_payload_bytes_total{direction=received}': 4,
        'anax_payload_bytes_total{direction=sent}': 4,
      },
    )
    await publisher.drop()
    await subscriber.disconnect()
    while (broker.connectedClients > 0) await nextTurn()
    const left = await scrape(metrics)
    assert.deepEqual(
      [left.anax_clients, left.anax_clients_total, left.anax_sessions_away, left.anax_inflight_messages],
      [0, 2, 1, 0],
    )
    assert.equal(left['anax_clients_disconnected_total{reason=client}'], 1)
    assert.equal(left['anax_clients_disconnected_total{reason=stream-closed}'], 1)
    metrics.close()
    assert.equal(await metrics.registry.metrics(), '\n')
  }))

test('what the store does not provide is left out', () =>
  withBrokers([{ persistence: STORES['aedes-persistence']!(new FakeClock()) }], async ([broker]) => {
    const metrics = await createMetrics(broker)
    const values = await scrape(metrics)
    assert.equal('anax_queued_messages' in values, false)
    assert.equal(values.anax_sessions_stored, 0)
    metrics.close()
  }))

test('several brokers are in one registry, told apart by labels', () =>
  withBrokers([{}, {}], async ([one, other]) => {
    const registry = new Registry()
    const metrics = await createMetrics(one, { registry, prefix: 'one_', labels: { site: 'a' } })
    const others = await createMetrics(other, { registry, prefix: 'other_' })
    await connectTo(one, 'a')
    const values = await scrape(metrics)
    assert.deepEqual([values['one_clients{site=a}'], values.other_clients], [1, 0])
    metrics.close()
    others.close()
  }))

test('the handler answers a scrape over HTTP, and names and types keep the rules', () =>
  withBrokers([{}], async ([broker]) => {
    const metrics = await createMetrics(broker)
    const server = createServer(metrics.handler).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
    const text = await response.text()
    assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
    const families = parse(text)
    assert.deepEqual(
      families.map(({ name, type }) => [name, type.toLowerCase()]).slice(0, DEFINITIONS.length),
      DEFINITIONS.map(({ name, type }) => [`anax_${name}`, type]),
    )
    for (const { name, type } of DEFINITIONS) assert.equal(name.endsWith('_total'), type === 'counter', name)
    const { error, status, stdout } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    if (error === undefined) assert.equal(status, 0, stdout)
    server.closeAllConnections()
    server.close()
    metrics.close()
  }))

test('a prefix that Prometheus does not accept is refused', async () => {
  await assert.rejects(createMetrics({ stats: () => assert.fail() }, { prefix: 'a-b' }), { code: 'ANAX_ERR_OPTION' })
})

test('docs/metrics.md has every metric, and no other', () => {
  const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `anax_(\w+)`/gm)].map(([, name]) => name)
  assert.deepEqual(documented, [...DEFINITIONS.map(({ name }) => name), 'event_loop_delay_seconds'])
})

test('a node of a cluster shows nodes, lease, shards and writes; another broker does not', () =>
  withBrokers([{}, { id: 'one', cluster: new MemoryCluster() }], async ([plain, node]) => {
    const isOfCluster = (name: string) => name.startsWith('anax_cluster_')
    const without = await createMetrics(plain)
    assert.deepEqual(Object.keys(await scrape(without)).filter(isOfCluster), [])
    await node.publish({ topic: 't', payload: 'x', qos: 1 })
    const metrics = await createMetrics(node)
    const values = await scrape(metrics)
    assert.equal(values.anax_cluster_nodes, 1)
    assert.equal(values['anax_cluster_shard_lag{shard=0}'], 0)
    assert.ok(values.anax_cluster_writes_total! >= 1 && values.anax_cluster_lease_seconds! > 0)
    assert.deepEqual(node.stats().cluster?.takeovers, 0)
  }))
