/** `$SYS/broker/`: Mosquitto's names, each with the value that the broker has, retained, at the interval asked for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { Broker } from '../../../types/broker.js'
import { connectTo, withBrokers } from '../../support/brokers.js'
import { keptSession } from '../../support/spec.js'

/** What Mosquitto 2.0 publishes: names below `$SYS/broker/` that it has and this broker has no value for. */
const WITHOUT_VALUE = ['version', 'shared_subscriptions/count']

const MINUTES = [1, 5, 15]

/** The same for those that are here. */
const NAMES = [
  'uptime',
  ...['total', 'maximum', 'connected', 'active', 'disconnected', 'inactive', 'expired'].map(name => `clients/${name}`),
  ...['messages/received', 'messages/sent', 'messages/stored', 'store/messages/count', 'store/messages/bytes'],
  ...['retained messages/count', 'subscriptions/count', 'bytes/received', 'bytes/sent'],
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

test('nothing is published unless asked for', () =>
  withBrokers([{}], async ([broker], clock) => {
    await clock.advance(60_000)
    assert.deepEqual(await published(broker), {})
  }))

test('the names are those of Mosquitto', () =>
  withBrokers([INTERVAL], async ([broker], clock) => {
    await clock.advance(11_000)
    const names = Object.keys(await published(broker))
    assert.deepEqual(names.toSorted(), NAMES.toSorted())
    assert.deepEqual(
      WITHOUT_VALUE.filter(name => names.includes(name)),
      [],
    )
  }))

test('each value moves with what it tells of', () =>
  withBrokers([INTERVAL], async ([broker], clock) => {
    const away = await connectTo(broker, 'away', keptSession(5, 15))
    await away.subscribe({ topic: 't', qos: 1 })
    await away.disconnect()
    const here = await connectTo(broker, 'here')
    await here.subscribe({ topic: 'u', qos: 0 }, { topic: '$share/g/u', qos: 0 })
    while (broker.connectedClients > 1) await nextTurn()
    await here.publish({ topic: 't', payload: Buffer.from('queued'), qos: 1, retain: true })
    const before = broker.stats()
    await clock.advance(10_100)
    const values = await published(broker)
    const expected = {
      uptime: '10 seconds',
      'clients/total': '2',
      'clients/maximum': '1',
      'clients/connected': '1',
      'clients/active': '1',
      'clients/disconnected': '1',
      'clients/inactive': '1',
      'clients/expired': '0',
      'subscriptions/count': '3',
      'publish/messages/received': '1',
      'publish/bytes/received': '6',
      'bytes/received': String(before.received.bytes),
      'messages/received': '6',
      'messages/sent': '5',
      'publish/messages/sent': '0',
      'publish/messages/dropped': '0',
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(values[name], value, name)
    const { queued, retained } = broker.stats()
    assert.equal(queued.messages, 1)
    // those below $SYS/ are retained messages as well
    assert.equal(Number(values['messages/stored']) <= 1 + retained.messages, true)
    await clock.advance(10_100)
    assert.equal((await published(broker))['clients/expired'], '1')
  }))

test('rates are per minute, and fall off when nothing comes any more', () =>
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

test('a value that stays the same is published once', () =>
  withBrokers([INTERVAL], async ([broker], clock) => {
    const told: string[] = []
    await broker.subscribe('$SYS/broker/clients/connected', ({ payload }) => told.push(payload.toString()))
    await clock.advance(30_000)
    await connectTo(broker, 'a', { keepalive: 0 })
    await clock.advance(30_000)
    assert.deepEqual(told, ['1'])
  }))

test('what a broker published of itself goes with it', async () => {
  const persistence = createMemoryPersistence()
  await withBrokers([{ persistence, ...INTERVAL }], async ([broker], clock) => {
    await broker.publish({ topic: 'kept', payload: 'x', retain: true })
    await clock.advance(10_000)
    assert.ok(persistence.retainedCount > 10)
  })
  assert.equal(persistence.retainedCount, 1)
})
