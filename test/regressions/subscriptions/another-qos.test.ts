/**
 * The QoS of a subscription changes while a message is between a slow store and the bus: the packet that a client is
 * sent first is the one that is retransmitted after a reconnect.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/index.js'
import { slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

for (const [before, after] of [
  [2, 1],
  [1, 2],
] as const) {
  test(`a message that was queued with QoS ${before} is not sent with QoS ${after}, and ${before} again`, async () => {
    const clock = new FakeClock()
    const inner = createMemoryPersistence({ now: () => clock.now() })
    let latency = 1
    const persistence = slowStore(inner, { clock, effect: 'early', next: () => latency })
    await whileTimePasses(clock, async () => {
      const broker = await createBroker({ clock, persistence })
      const client = new SpecClient(broker)
      await client.connect({ clientId: 's', ...keptSession(5) })
      await client.subscribe({ topic: 'a', qos: before })
      latency = 10 // for finding out who is subscribed
      const published = broker.publish({ topic: 'a', payload: 'x', qos: 2 })
      latency = 1
      await client.subscribe({ topic: 'a', qos: after })
      await published
      const first = await client.expect('publish')
      await client.drop()
      const back = new SpecClient(broker)
      await back.connect({ clientId: 's', ...keptSession(5) })
      const again = await back.expect('publish')
      assert.deepEqual(
        [first, again].map(({ qos, messageId, dup }) => [qos, messageId, dup]),
        [
          [before, 1, false],
          [before, 1, true],
        ],
      )
      await back.drop()
      await broker.close()
    })
  })
}
