/** The number of subscriptions of a session: `maxSubscriptions`, which SUBACK reports per filter [MQTT 5.0, 3.9.3]. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import type { QoS } from '../../../types/message/packets.js'
import { failingStore, heldStore } from '../../support/brokers/stores.js'
import { publishText, quotaRefusal, receiveTexts, unsubscribe } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

function filters(...topics: string[]) {
  return topics.map(topic => ({ topic, qos: 1 as QoS }))
}

spec(
  'filters above the limit are refused, and existing ones can be replaced',
  ALL,
  async ({ version, connect, broker }) => {
    const refused = quotaRefusal(version)
    const told: unknown[] = []
    broker.on('subscribe', subscriptions => told.push(...subscriptions.map(({ topic, qos }) => `${topic} ${qos}`)))
    const client = await connect('client', keptSession(version))
    assert.deepEqual(await client.subscribe(...filters('a', 'a', 'b', '$share/g/c', 'd', 'e')), [
      ...[1, 1, 1, 1],
      ...[refused, refused],
    ])
    assert.deepEqual(told, ['a 1', 'a 1', 'b 1', '$share/g/c 1', `d ${refused}`, `e ${refused}`])
    assert.deepEqual(await client.subscribe(...filters('b', 'd', 'a')), [1, refused, 1])
    const publisher = await connect('publisher')
    for (const topic of ['a', 'c', 'd', 'e']) await publishText(publisher, topic, topic)
    assert.deepEqual(await receiveTexts(client), ['a', 'c'])
    await unsubscribe(client, 'a', 'never')
    assert.deepEqual(await client.subscribe(...filters('d', 'e')), [1, refused])
    const other = await connect('other')
    assert.deepEqual(await other.subscribe(...filters('d')), [1], 'each session has its own limit')
  },
  { maxSubscriptions: 3 },
)

spec(
  'the Reason String of SUBACK names the limit',
  [5],
  async ({ connect }) => {
    const client = await connect('client')
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters('a') })
    const { granted, properties } = await client.expect('suback')
    assert.deepEqual(granted, [0x97])
    assert.match(properties?.reasonString ?? '', /0 subscriptions/)
  },
  { maxSubscriptions: 0 },
)

spec(
  'a resumed session keeps subscriptions beyond the limit, and client.subscribe is not limited',
  ALL,
  async ({ version }) => {
    const persistence = createMemoryPersistence()
    const { destroy } = persistence
    persistence.destroy = async () => {}
    const earlier = await createBroker({ persistence })
    const before = new SpecClient(earlier, version)
    await before.connect(keptSession(version))
    await before.subscribe(...filters('a', 'b', 'c'))
    await before.disconnect()
    await earlier.close()
    persistence.destroy = destroy
    const broker = await createBroker({ persistence, maxSubscriptions: 2 })
    const client = new SpecClient(broker, version)
    await client.connect(keptSession(version))
    assert.deepEqual(await client.subscribe(...filters('c', 'd')), [1, quotaRefusal(version)])
    await broker.clients.client!.subscribe({ topic: 'e', qos: 0 })
    for (const topic of 'abcde') await broker.publish({ topic, payload: topic })
    assert.deepEqual(await receiveTexts(client), ['a', 'b', 'c', 'e'])
    await unsubscribe(client, 'a', 'b')
    assert.deepEqual(await client.subscribe(...filters('d')), [quotaRefusal(version)], 'c and e use up the limit')
    await client.disconnect()
    await broker.close()
  },
)

for (const version of ALL) {
  test(`packets that wait for the store already count (version ${version})`, async () => {
    const refused = quotaRefusal(version)
    const held = heldStore(createMemoryPersistence())
    const broker = await createBroker({ persistence: held.store, maxSubscriptions: 2 })
    const client = new SpecClient(broker, version)
    await client.connect(keptSession(version))
    await client.subscribe(...filters('a'))
    held.hold('addSubscriptions')
    const subscribe = (...topics: string[]) =>
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(...topics) })
    const leave = (...unsubscriptions: string[]) => client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions })
    subscribe('b', 'c')
    leave('a')
    subscribe('c', 'd')
    leave('b', 'b', 'c')
    subscribe('b', 'a', 'c')
    subscribe('b', 'd')
    while (held.waiting.length < 4) await new Promise(setImmediate)
    held.letGo()
    const codes: number[][] = []
    while (codes.length < 4) {
      const packet = await client.next()
      if (packet.cmd === 'suback') codes.push(packet.granted)
    }
    assert.deepEqual(codes, [
      [1, refused],
      [1, refused],
      [1, 1, refused],
      [1, refused],
    ])
    assert.deepEqual(await client.subscribe(...filters('c', 'a')), [refused, 1])
    await client.disconnect()
    await broker.close()
  })

  test(`a subscription that the store refuses does not count (version ${version})`, async () => {
    const failing = failingStore(createMemoryPersistence())
    const broker = await createBroker({ persistence: failing.store, maxSubscriptions: 1 })
    const client = new SpecClient(broker, version)
    await client.connect(keptSession(version))
    for (const how of ['throws', 'rejects', 'rejects late'] as const) {
      failing.fail('addSubscriptions', how)
      assert.deepEqual(await client.subscribe(...filters('a')), [0x80])
    }
    failing.fail(undefined)
    assert.deepEqual(await client.subscribe(...filters('b')), [1])
    failing.fail('removeSubscriptions', 'rejects')
    if (version === 5) {
      assert.deepEqual(await unsubscribe(client, 'b'), [0x80])
      assert.deepEqual(await client.subscribe(...filters('c')), [quotaRefusal(version)])
    }
    failing.fail(undefined)
    await client.disconnect()
    await broker.close()
  })
}
