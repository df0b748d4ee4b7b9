/** A client with a stored session that disconnects while it gets retained messages: the remaining ones are queued. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import type { Drop } from '../../../types/broker/events.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { temporaryFolder } from '../../persistence/lmdb/folders.js'
import { failingStore } from '../../support/brokers/stores.js'
import { acknowledge, receiveAll, receiveTexts, subscribeWith, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const STORES: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
}

/** A broker with ten retained messages, `t/0` to `t/9`. */
async function brokerWith(options: BrokerOptions, qos: 0 | 1 = 1): Promise<Broker> {
  const broker = await createBroker(options)
  for (const text of '0123456789') {
    await broker.publish({ topic: `t/${text}`, payload: text, qos, retain: true })
  }
  return broker
}

async function connect(broker: Broker, receiveMaximum = 100): Promise<SpecClient> {
  const client = new SpecClient(broker, 5)
  const { properties, ...packet } = keptSession(5)
  await client.connect({ ...packet, properties: { ...properties, receiveMaximum } })
  return client
}

async function gone(broker: Broker): Promise<void> {
  while (broker.connectedClients > 0) await new Promise(setImmediate)
}

for (const [name, store] of Object.entries(STORES)) {
  for (const leave of ['disconnect', 'drop'] as const) {
    test(`each retained message is delivered once, the remaining ones after the session is resumed (${name}, ${leave})`, async () => {
      const broker = await brokerWith({ persistence: store() })
      const client = await connect(broker, 1)
      await subscribeWith(client, { subscriptionIdentifier: 7 }, { topic: 't/+', qos: 1 })
      const received: string[] = []
      for (let i = 0; i < 3; i++) {
        const packet = await client.expect('publish')
        received.push(textOf(packet))
        acknowledge(client, packet)
      }
      await client.expect('publish')
      await client[leave]()
      await gone(broker)
      const again = await connect(broker)
      const rest = await receiveAll(again)
      received.push(...rest.map(textOf))
      assert.deepEqual(received.sort(), [...'0123456789'])
      assert.ok(rest.every(({ retain, properties }) => retain && properties?.subscriptionIdentifier === 7))
      await again.disconnect()
      await (await connect(broker)).expectNothing()
      await broker.close()
    })
  }

  test(`a newer message published when the client leaves is delivered last (${name})`, async () => {
    const broker = await brokerWith({ persistence: store() })
    const client = await connect(broker, 1)
    await client.subscribe({ topic: 't/+', qos: 1 })
    await client.expect('publish')
    const leaving = client.drop()
    const topics = Array.from({ length: 10 }, (_, i) => `t/${i}`)
    await Promise.all(topics.map(topic => broker.publish({ topic, payload: 'new', qos: 1, retain: true })))
    await leaving
    await gone(broker)
    const last = new Map<string, string>()
    for (const packet of await receiveAll(await connect(broker))) last.set(packet.topic, textOf(packet))
    assert.deepEqual(
      [...last].toSorted(),
      topics.map(topic => [topic, 'new']),
    )
    await broker.close()
  })
}

test('no more retained messages are queued than the queue can hold, and the others are reported', async () => {
  for (const queueOverflow of ['drop-newest', 'reject'] as const) {
    const broker = await brokerWith({ maxQueuedMessages: 4, queueOverflow })
    const drops: string[] = []
    broker.on('drop', ({ reason }: Drop) => drops.push(reason))
    const client = await connect(broker, 1)
    await client.subscribe({ topic: 't/+', qos: 1 })
    await client.expect('publish')
    await client.drop()
    await gone(broker)
    assert.equal((await receiveTexts(await connect(broker))).length, 4)
    assert.deepEqual(drops, ['queue-full'])
    await broker.close()
  }
})

test('retained messages of QoS 0, or for a session that ends, are not queued', async () => {
  for (const [qos, granted] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const broker = await brokerWith({}, qos)
    const client = await connect(broker, 1)
    await client.subscribe({ topic: 't/+', qos: granted })
    await client.drop()
    await gone(broker)
    await (await connect(broker)).expectNothing()
    await broker.close()
  }
  const broker = await brokerWith({})
  const client = await connect(broker, 1)
  await client.subscribe({ topic: 't/+', qos: 1 })
  await client.expect('publish')
  await client.disconnect({ properties: { sessionExpiryInterval: 0 } })
  await gone(broker)
  await (await connect(broker)).expectNothing()
  await broker.close()
})

for (const operation of ['retained', 'enqueue']) {
  for (const how of ['throws', 'rejects', 'rejects late'] as const) {
    test(`the session is released even if ${operation} ${how}`, async () => {
      const failing = failingStore(createMemoryPersistence())
      const broker = await brokerWith({ persistence: failing.store })
      const errors: unknown[] = []
      broker.on('storeError', ({ code }) => errors.push(code))
      const client = await connect(broker, 1)
      await client.subscribe({ topic: 't/0', qos: 1 }, { topic: 't/+', qos: 1 })
      await client.expect('publish')
      failing.fail(operation, how)
      await client.drop()
      await gone(broker)
      assert.deepEqual(errors, ['ANAX_ERR_STORE'])
      failing.fail(undefined)
      const again = await connect(broker)
      assert.deepEqual(await receiveTexts(again), ['0'])
      await broker.close()
    })
  }
}
