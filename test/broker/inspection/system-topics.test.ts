/** `$SYS/broker/`: Mosquitto's topics with this broker's values, retained, at the configured interval. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import v8 from 'node:v8'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { Broker } from '../../../types/broker/broker.js'
import { connectTo, withBrokers } from '../../support/brokers/several.js'
import { keptSession } from '../../support/spec.js'

/** Topics that Mosquitto publishes below `$SYS/broker/` and this broker does not. */
const WITHOUT_VALUE = ['version']

const MINUTES = [1, 5, 15]

/** Topics that this broker publishes. */
const NAMES = [
  'uptime',
  ...['total', 'maximum', 'connected', 'active', 'disconnected', 'inactive', 'expired'].map(name => `clients/${name}`),
  'connections/socket/count',
  ...['messages/received', 'messages/sent', 'messages/stored', 'store/messages/count', 'store/messages/bytes'],
  ...['retained messages/count', 'subscriptions/count', 'shared_subscriptions/count', 'bytes/received', 'bytes/sent'],
  ...['messages/received', 'messages/sent', 'messages/dropped', 'bytes/received', 'bytes/sent'].map(
    name => `publish/${name}`,
  ),
  ...['heap/current', 'heap/maximum'],
  ...[
    ...['messages/received', 'messages/sent', 'publish/received', 'publish/sent', 'publish/dropped'],
    ...['bytes/received', 'bytes/sent', 'sockets', 'connections'],
  ].flatMap(name => MINUTES.map(minutes => `load/${name}/${minutes}min`)),
]

async function published(broker: Broker): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for await (const { topic, payload, retain } of broker.retained('$SYS/broker/#')) {
    assert.equal(retain, true)
    values[topic.slice('$SYS/broker/'.length)] = payload.toString()
  }
  return values
}

const INTERVAL = { sysInterval: 10 }

test('no $SYS topic is published by default', () =>
  withBrokers([{}], async ([broker], clock) => {
    await clock.advance(60_000)
    assert.deepEqual(await published(broker), {})
  }))

test('$SYS topics have the names that Mosquitto uses', () =>
  withBrokers([INTERVAL], async ([broker], clock) => {
    await clock.advance(11_000)
    const names = Object.keys(await published(broker))
    assert.deepEqual(names.toSorted(), NAMES.toSorted())
    assert.deepEqual(
      WITHOUT_VALUE.filter(name => names.includes(name)),
      [],
    )
  }))

test('each $SYS topic has the right value', t => {
  let heap = 2000
  const { getHeapStatistics } = v8
  t.mock.method(v8, 'getHeapStatistics', () => ({ ...getHeapStatistics(), used_heap_size: heap }))
  return withBrokers([INTERVAL], async ([broker], clock) => {
    await clock.advance(0)
    const initial = await published(broker)
    const away = await connectTo(broker, 'away', keptSession(5, 15))
    await away.subscribe({ topic: 't', qos: 1 })
    await away.disconnect()
    while (broker.connectedClients > 0) await nextTurn()
    const here = await connectTo(broker, 'here', { keepalive: 0, properties: { maximumPacketSize: 100 } })
    await here.subscribe({ topic: 'u', qos: 0 }, { topic: '$share/g/s', qos: 0 })
    await here.publish({ topic: 't', payload: Buffer.from('queued'), qos: 1, retain: true })
    await broker.publish({ topic: 'u', payload: 'sent' })
    await broker.publish({ topic: 'u', payload: Buffer.alloc(200) })
    await here.expect('publish')
    heap = 1000
    const { received, sent } = broker.stats()
    await clock.advance(10_000)
    const ofSystem = Object.values(initial)
    const stored = ofSystem.length + 2
    const counts = {
      'messages/received': 6,
      'messages/sent': 6,
      'publish/received': 1,
      'publish/sent': 1,
      'publish/dropped': 1,
      'bytes/received': received.bytes,
      'bytes/sent': sent.bytes,
      sockets: 2,
      connections: 2,
    }
    const loads = Object.entries(counts).flatMap(([name, count]) =>
      MINUTES.map(minutes => {
        const rate = count * 6 * (1 - Math.exp(-1 / 6 / minutes))
        return [`load/${name}/${minutes}min`, rate.toFixed(2)]
      }),
    )
    assert.deepEqual(await published(broker), {
      uptime: '10 seconds',
      'clients/total': '2',
      'clients/maximum': '1',
      'clients/connected': '1',
      'clients/active': '1',
      'clients/disconnected': '1',
      'clients/inactive': '1',
      'clients/expired': '0',
      'connections/socket/count': '2',
      'messages/received': '6',
      'messages/sent': '6',
      'messages/stored': `${stored}`,
      'store/messages/count': `${stored}`,
      'store/messages/bytes': `${ofSystem.join('').length + 2 * 'queued'.length}`,
      'retained messages/count': `${stored - 1}`,
      'subscriptions/count': '3',
      'shared_subscriptions/count': '1',
      'publish/messages/received': '1',
      'publish/messages/sent': '1',
      'publish/messages/dropped': '1',
      'publish/bytes/received': '6',
      'publish/bytes/sent': '4',
      'bytes/received': `${received.bytes}`,
      'bytes/sent': `${sent.bytes}`,
      'heap/current': '1000',
      'heap/maximum': '2000',
      ...Object.fromEntries(loads),
    })
    await clock.advance(10_000)
    assert.equal((await published(broker))['clients/expired'], '1')
  })
})

test('rates in $SYS are per minute, and decrease when nothing more is received', () =>
  withBrokers([INTERVAL], async ([broker], clock) => {
    const client = await connectTo(broker, 'a', { keepalive: 0 })
    for (let i = 0; i < 10; i++) await client.publish({ topic: 't', payload: Buffer.alloc(1), qos: 1 })
    await clock.advance(10_000)
    const name = 'load/publish/received/1min'
    const first = Number((await published(broker))[name])
    assert.ok(Math.abs(first - 60 * (1 - Math.exp(-1 / 6))) < 0.1, `${first}`)
    await clock.advance(60_000)
    const later = Number((await published(broker))[name])
    assert.ok(Math.abs(later - first * Math.exp(-1)) < 0.1, `${later}`)
  }))

test('a $SYS value that stays the same is published once', () =>
  withBrokers([INTERVAL], async ([broker], clock) => {
    const told: string[] = []
    await broker.subscribe('$SYS/broker/clients/connected', ({ payload }) => told.push(payload.toString()))
    await clock.advance(30_000)
    await connectTo(broker, 'a', { keepalive: 0 })
    await clock.advance(30_000)
    assert.deepEqual(told, ['1'])
  }))

test('$SYS topics are removed when the broker closes', async () => {
  const persistence = createMemoryPersistence()
  await withBrokers([{ persistence, ...INTERVAL }], async ([broker], clock) => {
    await broker.publish({ topic: 'kept', payload: 'x', retain: true })
    await clock.advance(10_000)
    assert.ok(persistence.retainedCount > 10)
  })
  assert.equal(persistence.retainedCount, 1)
})
