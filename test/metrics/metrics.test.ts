/** A scrape as Prometheus gets it, read by another parser than ours: each metric changes by what happened. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import mqemitter from 'mqemitter'
import { Registry } from 'prom-client'
import { createBroker } from '../../lib/index.js'
import { DEFINITIONS, HISTOGRAMS, SLOW_CLIENTS } from '../../lib/metrics/definitions.js'
import { createMetrics, type MeasuredBroker, type Metrics, type MetricsOptions } from '../../lib/metrics/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import type { Broker } from '../../types/broker/broker.js'
import { connectTo, withBrokers } from '../support/brokers/several.js'
import { STORES } from '../support/brokers/stores.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { ROOT } from '../support/root.js'
import { keptSession } from '../support/spec.js'
import { counts, difference, parse, scrape } from './scrape.js'

/** Closed after the test. */
async function metricsOf(t: TestContext, broker: MeasuredBroker, options?: MetricsOptions): Promise<Metrics> {
  const metrics = await createMetrics(broker, options)
  t.after(() => metrics.close())
  return metrics
}

/** Metrics that depend on time, or on how packets were joined. */
const INEXACT = ['anax_uptime', 'anax_event_loop', 'anax_bytes_total']

test('each metric changes by exactly what happened', t =>
  withBrokers([{ authenticate: (_client, username) => username !== 'eve' }], async ([broker]) => {
    const metrics = await metricsOf(t, broker)
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
      anax_shared_subscriptions: 1,
      anax_shared_groups: 1,
      anax_subscription_bytes: 523,
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

test('refusals, failures and disconnections are counted by reason', t =>
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
      const metrics = await metricsOf(t, broker)
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
    },
  ))

test('the slowest clients are listed, as many as configured, and their drops are counted', t =>
  withBrokers([{}], async ([broker]) => {
    const metrics = await metricsOf(t, broker, { slowClients: 2 })
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
  }))

test('hooks and messages are timed, one of a configured number', t =>
  withBrokers(
    [{ authenticate: () => true, authorizePublish: async () => true, published: () => {} }],
    async ([broker]) => {
      const metrics = await metricsOf(t, broker, { sampleEvery: 1, labels: { site: 'a' } })
      const publisher = await connectTo(broker, 'publisher')
      const publish = async (times: number) => {
        for (let number = 0; number < times; number++) {
          await publisher.publish({ topic: 't', payload: Buffer.from('x'), qos: 1 })
        }
        await nextTurn()
      }
      await publish(2)
      assert.deepEqual(await counts(metrics), {
        'anax_hook_duration_seconds_count{site=a,hook=authenticate}': 1,
        'anax_hook_duration_seconds_count{site=a,hook=authorizePublish}': 2,
        'anax_hook_duration_seconds_count{site=a,hook=published}': 2,
        'anax_message_duration_seconds_count{site=a}': 2,
      })
      metrics.close()
      await publish(1)
      const sparse = await metricsOf(t, broker, { sampleEvery: 4 })
      await publish(12)
      // hooks of one message do not share the turns
      assert.deepEqual(await counts(sparse), {
        'anax_hook_duration_seconds_count{hook=authorizePublish}': 3,
        'anax_hook_duration_seconds_count{hook=published}': 3,
        anax_bus_duration_seconds_count: 0,
        anax_message_duration_seconds_count: 3,
      })
    },
  ))

test('operations of a store and of the bus of the application are timed, those of a store in memory are not', t =>
  withBrokers([{ persistence: STORES['aedes-persistence']!(new FakeClock()), mq: mqemitter() }, {}], async brokers => {
    const timed = await Promise.all(brokers.map(broker => timedOperations(t, broker)))
    const [outside, inMemory] = timed
    assert.deepEqual(outside, {
      connect: { openSession: 1, saveSession: 1 },
      subscribe: { addSubscriptions: 1, queued: 1, retained: 1 },
      publish: {
        subscriptionsByTopic: 1,
        storeRetained: 1,
        enqueue: 1,
        markSent: 1,
        anax_bus_duration_seconds_count: 1,
      },
      acknowledge: { removeQueued: 1 },
      disconnect: { saveSession: 1 },
      'publish to a queue': { subscriptionsByTopic: 1, enqueue: 1, anax_bus_duration_seconds_count: 1 },
      'read the queue': { queued: 1 },
      'read retained messages': { retained: 1 },
    })
    for (const operations of Object.values(inMemory!)) assert.deepEqual(operations, {})
  }))

/** Actions of a client and its host -> the number of operations timed for them, by name. */
async function timedOperations(t: TestContext, broker: Broker): Promise<Record<string, Record<string, number>>> {
  const metrics = await metricsOf(t, broker, { sampleEvery: 1 })
  const client = new SpecClient(broker, 5)
  const message = { topic: 't', payload: 'x', qos: 1 } as const
  const steps: Record<string, () => Promise<unknown>> = {
    connect: () => client.connect({ clientId: 'a', ...keptSession(5) }),
    subscribe: () => client.subscribe({ topic: 't', qos: 1 }),
    publish: () => broker.publish({ ...message, retain: true }),
    async acknowledge() {
      const { messageId } = await client.expect('publish')
      client.send({ cmd: 'puback', messageId: messageId! })
      await client.settle()
    },
    disconnect: () => client.disconnect(),
    'publish to a queue': () => broker.publish(message),
    'read the queue': async () => {
      for await (const queued of broker.queued('a')) assert.equal(queued.packetId, undefined)
    },
    'read retained messages': async () => {
      for await (const { topic } of broker.retained('t')) assert.equal(topic, 't')
    },
  }
  const timed: Record<string, Record<string, number>> = {}
  for (const [step, body] of Object.entries(steps)) {
    const before = await counts(metrics)
    await body()
    await nextTurn()
    const moved = Object.entries(difference(before, await counts(metrics), 'anax_hook', 'anax_message'))
    timed[step] = Object.fromEntries(moved.map(([name, count]) => [/operation=(\w+)/.exec(name)?.[1] ?? name, count]))
  }
  return timed
}

test('the event loop delay is measured since the last scrape', async t => {
  await using broker = await createBroker()
  const metrics = await metricsOf(t, broker)
  const block = async () => {
    const end = performance.now() + 50
    while (performance.now() < end);
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  // it is measured between two ticks of the timer
  for (let times = 0; times < 3; times++) await block()
  const delays = Object.entries(await scrape(metrics)).filter(([name]) => name.startsWith('anax_event_loop'))
  assert.deepEqual(
    delays.map(([name, value]) => [name, value >= 0.02]),
    ['p50', 'p99', 'max'].map(which => [`anax_event_loop_delay_${which}_seconds`, true]),
  )
})

test('numbers that the store does not provide are omitted', t =>
  withBrokers([{ persistence: STORES['aedes-persistence']!(new FakeClock()) }], async ([broker]) => {
    const metrics = await metricsOf(t, broker)
    const values = await scrape(metrics)
    assert.equal('anax_queued_messages' in values, false)
    assert.equal(values.anax_sessions_stored, 0)
  }))

test('several brokers share one registry, distinguished by labels', t =>
  withBrokers([{}, {}], async ([one, other]) => {
    const registry = new Registry()
    const metrics = await metricsOf(t, one, { registry, prefix: 'one_', labels: { site: 'a' } })
    await metricsOf(t, other, { registry, prefix: 'other_' })
    await connectTo(one, 'a')
    const values = await scrape(metrics)
    assert.deepEqual([values['one_clients{site=a}'], values.other_clients], [1, 0])
  }))

test('the handler answers a scrape over HTTP, with names and types that follow the rules of Prometheus', t =>
  withBrokers([{}], async ([broker]) => {
    const metrics = await createMetrics(broker, { process: true })
    t.after(() => metrics.close())
    const server = createServer(metrics.handler).listen(0, '127.0.0.1')
    t.after(() => server.close().closeAllConnections())
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
  }))

test('invalid options are refused', () =>
  withBrokers([{}], async ([broker]) => {
    for (const options of [{ prefix: 'a-b' }, { sampleEvery: 0 }, { slowClients: 101 }, { slowClients: 0.5 }]) {
      await assert.rejects(createMetrics(broker, options), { code: 'ANAX_ERR_OPTION' })
    }
  }))

test('docs/run/metrics.md has every metric, and no other', () => {
  const page = readFileSync(join(ROOT, 'docs/run/metrics.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `anax_(\w+)`/gm)].map(([, name]) => name)
  assert.deepEqual(documented, [
    ...DEFINITIONS.map(({ name }) => name),
    ...SLOW_CLIENTS.map(({ name }) => name),
    ...['p50', 'p99', 'max'].map(which => `event_loop_delay_${which}_seconds`),
    ...Object.values(HISTOGRAMS).map(({ name }) => name),
  ])
})

test('a node of a cluster shows nodes, lease, shards and writes; another broker does not', t =>
  withBrokers([{}, { id: 'one', cluster: new MemoryCluster() }], async ([plain, node]) => {
    const isOfCluster = (name: string) => name.startsWith('anax_cluster_')
    const without = await metricsOf(t, plain)
    assert.deepEqual(Object.keys(await scrape(without)).filter(isOfCluster), [])
    await node.publish({ topic: 't', payload: 'x', qos: 1 })
    const metrics = await metricsOf(t, node)
    const values = await scrape(metrics)
    assert.equal(values.anax_cluster_nodes, 1)
    assert.equal(values['anax_cluster_shard_lag{shard=0}'], 0)
    assert.ok(values.anax_cluster_writes_total! >= 1 && values.anax_cluster_lease_seconds! > 0)
    assert.deepEqual(node.stats().cluster?.takeovers, 0)
  }))
