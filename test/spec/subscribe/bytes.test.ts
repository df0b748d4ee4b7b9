/**
 * The bytes of subscriptions are limited, for one client and for all: `maxSubscriptionBytes`,
 * `maxTotalSubscriptionBytes`.
 */
import assert from 'node:assert/strict'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { QoS } from '../../../types/message/packets.js'
import { heldStore } from '../../support/brokers/stores.js'
import { quotaRefusal, unsubscribe } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** Bytes of a subscription without its filter. */
const OVERHEAD = 256

/** Filters of 100 bytes. */
function filters(...names: string[]) {
  return names.map(name => ({ topic: name.padEnd(100, '-'), qos: 1 as QoS }))
}

spec(
  'new filters that exceed the bytes of a client are refused, and existing ones can be replaced',
  ALL,
  async ({ version, connect, broker }) => {
    const refused = quotaRefusal(version)
    const bytes = () => broker.stats().subscriptions.bytes
    const client = await connect('client')
    assert.deepEqual(await client.subscribe(...filters('a', 'b', 'c')), [1, 1, refused])
    assert.equal(bytes(), 2 * (OVERHEAD + 100))
    assert.deepEqual(await client.subscribe(...filters('b', 'c', 'a')), [1, refused, 1])
    await unsubscribe(client, filters('a')[0]!.topic)
    assert.equal(bytes(), OVERHEAD + 100)
    assert.deepEqual(await client.subscribe({ topic: 'short', qos: 1 }, ...filters('c')), [1, refused])
    const other = await connect('other')
    assert.deepEqual(await other.subscribe(...filters('a', 'b')), [1, 1], 'each client has its own limit')
    await other.disconnect()
    await client.disconnect()
    while (broker.connectedClients > 0) await new Promise(setImmediate)
    assert.equal(bytes(), 0)
  },
  { maxSubscriptionBytes: 2 * (OVERHEAD + 100) },
)

spec(
  'new filters that exceed the bytes of all clients are refused until others unsubscribe or leave',
  ALL,
  async ({ version, connect, broker }) => {
    const refused = quotaRefusal(version)
    const [one, two] = [await connect('one', keptSession(version)), await connect('two')]
    assert.deepEqual(await one.subscribe(...filters('a', 'b')), [1, 1])
    assert.deepEqual(await two.subscribe(...filters('a', 'b')), [1, refused])
    await one.disconnect()
    while (broker.connectedClients > 1) await new Promise(setImmediate)
    assert.deepEqual(await two.subscribe(...filters('b', 'c', 'd')), [1, 1, refused])
    await connect('one', keptSession(version))
    assert.equal(broker.stats().subscriptions.bytes, 5 * (OVERHEAD + 100), 'a resumed session keeps its subscriptions')
    assert.deepEqual(await two.subscribe(...filters('a', 'd')), [1, refused])
  },
  { maxTotalSubscriptionBytes: 3 * (OVERHEAD + 100) },
)

const held = heldStore(createMemoryPersistence())

spec(
  'packets that wait for the store already count',
  [5],
  async ({ connect, broker }) => {
    const [one, two] = [await connect('one', keptSession(5)), await connect('two', keptSession(5))]
    held.hold('addSubscriptions')
    one.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters('a', 'b') })
    two.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters('a', 'b') })
    while (held.waiting.length < 2) await new Promise(setImmediate)
    held.letGo()
    assert.deepEqual((await one.expect('suback')).granted, [1, 1])
    assert.deepEqual((await two.expect('suback')).granted, [1, 0x97])
    assert.equal(broker.stats().subscriptions.bytes, 3 * (OVERHEAD + 100))
  },
  { persistence: held.store, maxTotalSubscriptionBytes: 3 * (OVERHEAD + 100) },
)
