/** Many retained messages at once, at the limits, with a slow store: no limit is exceeded, and no room is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../../lib/index.js'
import { createMemoryPersistence } from '../../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../../lib/testing/fake-clock.js'
import type { BrokerOptions } from '../../../../types/broker/options.js'
import { failingStore, slowStore, whileTimePasses } from '../../../support/brokers/stores.js'
import { SpecClient } from '../../../support/clients/spec-client.js'
import { keptSession } from '../../../support/spec.js'

/**
 * A broker on a slow store, and a function that publishes many messages at once, each by the host or by its own client.
 */
async function scene(options: BrokerOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  const failing = failingStore(slowStore(store, { clock, effect: 'early', next: () => 2 }))
  await whileTimePasses(clock, async () => {
    const broker = await createBroker({ clock, persistence: failing.store, ...options })
    const publish = async (...packets: readonly (readonly [topic: string, payload: string])[]) => {
      const clients = await Promise.all(
        packets.map(async (_, i) => {
          const client = new SpecClient(broker, 5)
          await client.connect({ clientId: `client-${i}` })
          return client
        }),
      )
      const published = packets.map(([topic, payload], i) =>
        clients[i]!.publish({ topic, payload: Buffer.from(payload), qos: 1, retain: true }),
      )
      const codes = await Promise.all(published)
      await Promise.all(clients.map(client => client.disconnect()))
      return codes.map(code => (code === 0x97 ? 'refused' : code === 0x80 ? 'failed' : 'kept'))
    }
    await body({ broker, store, failing, publish })
    await broker.close()
  })
}

interface Scene {
  broker: Awaited<ReturnType<typeof createBroker>>
  store: ReturnType<typeof createMemoryPersistence>
  failing: ReturnType<typeof failingStore>
  publish(...packets: readonly (readonly [topic: string, payload: string])[]): Promise<string[]>
}

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

test('of more simultaneous new topics than the limit allows, the allowed number is retained', async () => {
  await scene({ maxRetainedMessages: 3 }, async ({ store, publish }) => {
    const outcomes = await publish(...Array.from({ length: 8 }, (_, i) => [`t/${i}`, 'x'] as const))
    assert.deepEqual(tally(outcomes), { kept: 3, refused: 5 })
    assert.equal(store.retainedCount, 3)
  })
})

test('of more simultaneous bytes than the limit allows, as many messages are retained as fit', async () => {
  await scene({ maxRetainedBytes: 10 }, async ({ store, publish }) => {
    const outcomes = await publish(...Array.from({ length: 8 }, (_, i) => [`t/${i}`, 'xxx'] as const))
    assert.deepEqual(tally(outcomes), { kept: 3, refused: 5 })
    assert.equal(store.retainedBytes, 9)
  })
})

test('many simultaneous messages for one topic count as one', async () => {
  await scene({ maxRetainedMessages: 2, maxRetainedBytes: 10 }, async ({ store, publish }) => {
    await publish(['other', 'xxxxx'])
    const outcomes = await publish(...Array.from({ length: 8 }, () => ['t', 'xxxxx'] as const))
    assert.deepEqual(tally(outcomes), { kept: 8 })
    const again = await publish(['t', 'xxxxx'], ['t', 'xxxx'], ['other', 'xxxxx'], ['third', 'x'])
    assert.deepEqual(again, ['kept', 'kept', 'kept', 'refused'])
    assert(store.retainedBytes <= 10)
  })
})

test('near the limit, messages that replace others simultaneously may together grow by the remaining bytes', async () => {
  await scene({ maxRetainedBytes: 10 }, async ({ store, publish }) => {
    await publish(['a', 'xxx'], ['b', 'xxx'])
    const outcomes = await publish(['a', 'xxxxxxx'], ['b', 'xxxxxxx'])
    assert.deepEqual(tally(outcomes), { kept: 1, refused: 1 })
    assert.equal(store.retainedBytes, 10)
  })
})

for (const name of ['storeRetained', 'enqueue', 'subscriptionsByTopic']) {
  test(`a message that is not retained because ${name} fails does not count`, async () => {
    await scene({ maxRetainedMessages: 3 }, async ({ broker, store, failing, publish }) => {
      const away = new SpecClient(broker, 5)
      await away.connect({ clientId: 'away', ...keptSession(5) })
      await away.subscribe({ topic: '#', qos: 1 })
      await away.drop()
      failing.fail(name)
      assert.deepEqual(tally(await publish(['a', 'x'], ['b', 'x'], ['c', 'x'])), { failed: 3 })
      failing.fail(undefined)
      assert.deepEqual(tally(await publish(['a', 'x'], ['b', 'x'], ['c', 'x'])), { kept: 3 })
      assert.equal(store.retainedCount, 3)
    })
  })
}

test('a drop listener that publishes a retained message does not exceed the limit', async () => {
  const broker = await createBroker({ maxRetainedMessages: 1, queueLimits: () => ({ maxMessages: 1 }) })
  const away = new SpecClient(broker, 5)
  await away.connect({ clientId: 'away', ...keptSession(5) })
  await away.subscribe({ topic: '#', qos: 1 })
  await away.drop()
  await broker.publish({ topic: 'full', qos: 1 })
  let inside: Promise<unknown> | undefined
  broker.once('drop', () => {
    inside = broker.publish({ topic: 'inside', payload: 'x', retain: true })
  })
  const publisher = new SpecClient(broker, 5)
  await publisher.connect({ clientId: 'publisher' })
  const outside = await publisher.publish({ topic: 'outside', payload: Buffer.from('x'), qos: 1, retain: true })
  await inside
  assert.equal(outside, 0x97)
  await broker.close()
})
