/** A scrape as Prometheus gets it, read by a parser that is not ours: each metric moves by what happened. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { createBroker } from '../../lib/index.js'
import { DEFINITIONS, HISTOGRAMS, SLOW_CLIENTS } from '../../lib/metrics/definitions.js'
import { createMetrics } from '../../lib/metrics/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import type { BrokerStats } from '../../types/inspection.js'
import { connectTo, withBrokers } from '../support/brokers.js'
import { ROOT } from '../support/root.js'
import { keptSession } from '../support/spec.js'
import { SpecClient } from '../support/spec-client.js'
import { STORES } from '../support/stores.js'
import { counts, difference, parse, scrape } from './scrape.js'

/** What depends on time, or on how the packets were written. */
const INEXACT = ['anax_uptime', 'anax_event_loop', 'anax_bytes_total']

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
    const bytes = difference(before, after, 'anax_uptime', 'anax_event_loop')
    for (const direction of ['received', 'sent']) assert.ok(bytes[`anax_bytes_total{direction=${direction}}`]! > 20)
    assert.deepEqual(difference(before, after, ...INEXACT), {
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
    })
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

test('what is refused, fails, or ends is counted by its reason', () =>
  withBrokers(
    [
      {
        authenticate: (_client, username) => {
          if (username === 'mallory') throw new Error('broken')
          return username !== 'eve'
        },
        authorizePublish: (_client, { topic }) => topic !== 'no',
      },
    ],
    async ([broker]) => {
      const metrics = await createMetrics(broker)
      await connectTo(broker, 'kept', keptSession(5))
      const before = await scrape(metrics)
      for (const username of ['eve', 'mallory']) {
        const refused = new SpecClient(broker, 5)
        assert.ok((await refused.connect({ clientId: 'x', username })).reasonCode! >= 0x80)
        await refused.closed()
      }
      const publisher = await connectTo(broker, 'publisher', { username: 'alice' })
      await publisher.publish({ topic: 'no', payload: Buffer.from('four'), qos: 1 })
      await broker.deleteSession('kept')
      assert.deepEqual(
        difference(before, await scrape(metrics), ...INEXACT, 'anax_packets', 'anax_payload', 'anax_mess'),
        {
          anax_connections_total: 3,
          'anax_connections_refused_total{code=ANAX_ERR_NOT_AUTHORIZED}': 2,
          anax_clients_total: 1,
          'anax_clients_disconnected_total{reason=administrative}': 1,
          anax_sessions_stored: -1,
          'anax_sessions_ended_total{reason=deleted}': 1,
          'anax_publish_refused_total{code=ANAX_ERR_PUBLISH_REFUSED}': 1,
          'anax_authentications_total{result=accepted}': 1,
          'anax_authentications_total{result=refused}': 1,
          'anax_authentications_total{result=failed}': 1,
          'anax_failures_total{part=hooks}': 1,
        },
      )
      metrics.close()
    },
  ))

test('the slowest clients are named, as many as were asked for, and what they lose is counted', () =>
  withBrokers([{}], async ([broker]) => {
    const metrics = await createMetrics(broker, { slowClients: 2 })
    const properties = { receiveMaximum: 1 }
    for (const [index, clientId] of ['a', 'b', 'c"\n'].entries()) {
      const slow = await connectTo(broker, clientId, { properties })
      await slow.subscribe({ topic: `t/${index}`, qos: 1 })
    }
    const before = await scrape(metrics)
    const publisher = await connectTo(broker, 'publisher')
    for (const [index, count] of [2, 4, 3].entries()) {
      for (let number = 0; number < count; number++) {
        await publisher.publish({ topic: `t/${index}`, payload: Buffer.from('x'), qos: 1 })
      }
    }
    const after = await scrape(metrics)
    const named = Object.entries(after).filter(([name]) => name.startsWith('anax_slow'))
    assert.deepEqual(Object.fromEntries(named.filter(([name]) => name.includes('messages'))), {
      'anax_slow_client_waiting_messages{client=b}': 3,
      'anax_slow_client_waiting_messages{client=c"\n}': 2,
    })
    assert.equal(named.length, 4)
    const waiting = { messages: after.anax_waiting_messages, bytes: after.anax_waiting_bytes }
    assert.deepEqual(waiting, { messages: 6, bytes: broker.stats().waiting.bytes })
    const bytes = named.filter(([name]) => name.includes('bytes')).map(([, value]) => value)
    assert.deepEqual(bytes, [waiting.bytes! / 2, waiting.bytes! / 3])
    assert.equal(difference(before, after).anax_inflight_messages, 3)
    await broker.disconnect('b')
    const left = await scrape(metrics)
    assert.equal(left['anax_messages_dropped_total{reason=disconnected}'], 3)
    assert.equal('anax_slow_client_waiting_messages{client=b}' in left, false)
    metrics.close()
  }))

test('hooks, store, bus and messages are timed, one of as many as was said', () =>
  withBrokers([{ authenticate: () => true, authorizePublish: async () => true }], async ([broker]) => {
    const metrics = await createMetrics(broker, { sampleEvery: 1, labels: { site: 'a' } })
    const publisher = await connectTo(broker, 'publisher')
    await publisher.publish({ topic: 't', payload: Buffer.from('x'), qos: 1 })
    await publisher.publish({ topic: 't', payload: Buffer.from('x') })
    while ((await counts(metrics))['anax_message_duration_seconds_count{site=a}'] !== 2) await nextTurn()
    assert.deepEqual(await counts(metrics), {
      'anax_hook_duration_seconds_count{site=a,hook=authenticate}': 1,
      'anax_hook_duration_seconds_count{site=a,hook=authorizePublish}': 2,
      'anax_store_duration_seconds_count{site=a}': 1,
      'anax_bus_duration_seconds_count{site=a}': 2,
      'anax_message_duration_seconds_count{site=a}': 2,
    })
    metrics.close()
    await publisher.publish({ topic: 't', payload: Buffer.from('x'), qos: 1 })
    const sparse = await createMetrics(broker, { sampleEvery: 3 })
    for (let number = 0; number < 9; number++) await publisher.publish({ topic: 't', payload: Buffer.alloc(1), qos: 1 })
    const { 'anax_hook_duration_seconds_count{hook=authorizePublish}': hooks, ...others } = await counts(sparse)
    assert.deepEqual([hooks, others.anax_store_duration_seconds_count], [3, 3])
    sparse.close()
  }))

test('each number of the broker is a metric: it moves as the number does', async () => {
  const broker = await createBroker()
  const numbers = structuredClone(broker.stats()) as BrokerStats & { failures: { store: number } }
  const metrics = await createMetrics({ stats: () => numbers, slowClients: () => [], sampleTimings: () => () => {} })
  const moves = (change: () => void) => async () => {
    const before = await scrape(metrics)
    change()
    return difference(before, await scrape(metrics), 'anax_event_loop')
  }
  const changes: Record<string, () => void> = {
    anax_uptime_seconds: () => (numbers.uptimeMs += 3000),
    anax_scheduler_waiting: () => (numbers.scheduler.waiting += 3),
    anax_scheduler_pauses_total: () => (numbers.scheduler.pauses += 3),
    anax_sessions_away: () => (numbers.sessions.away! += 3),
    anax_connections: () => (numbers.connections.open += 3),
    anax_clients: () => (numbers.clients.connected += 3),
    anax_sessions: () => (numbers.sessions.total += 3),
    'anax_failures_total{part=store}': () => (numbers.failures.store += 3),
  }
  for (const [name, change] of Object.entries(changes)) assert.deepEqual(await moves(change)(), { [name]: 3 })
  metrics.close()
  await broker.close()
})

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
    const { error, status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    if (error === undefined) assert.deepEqual([status, stderr], [0, ''])
    server.closeAllConnections()
    server.close()
    metrics.close()
  }))

test('options that are not acceptable are refused', () =>
  withBrokers([{}], async ([broker]) => {
    for (const options of [{ prefix: 'a-b' }, { sampleEvery: 0 }, { slowClients: 101 }, { slowClients: 0.5 }]) {
      await assert.rejects(createMetrics(broker, options), { code: 'ANAX_ERR_OPTION' })
    }
  }))

test('docs/metrics.md has every metric, and no other', () => {
  const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `anax_(\w+)`/gm)].map(([, name]) => name)
  assert.deepEqual(documented, [
    ...DEFINITIONS.map(({ name }) => name),
    ...SLOW_CLIENTS.map(({ name }) => name),
    ...['p50', 'p99', 'max'].map(which => `event_loop_delay_${which}_seconds`),
    ...Object.values(HISTOGRAMS).map(({ name }) => name),
  ])
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
