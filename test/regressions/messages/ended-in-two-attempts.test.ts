/** A session that the store does not delete at once: its messages are redelivered, and reported as lost, once. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { type Failure, failingStore } from '../../support/brokers/stores.js'
import { receiveTexts } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

for (const how of ['throws', 'rejects', 'rejects late'] satisfies Failure[]) {
  for (const end of ['expiry', 'clean start', 'clean start, and then its client wants it back'] as const) {
    test(`a session that ends by ${end} while the store ${how}`, async () => {
      const clock = new FakeClock()
      const failing = failingStore(createMemoryPersistence({ now: () => clock.now() }))
      const broker = await createBroker({ clock, persistence: failing.store })
      const connect = async (clientId: string, session = keptSession(5, 10)) => {
        const client = new SpecClient(broker)
        const { reasonCode } = await client.connect({ clientId, ...session })
        return { client, reasonCode }
      }
      const { client: away } = await connect('away')
      await away.subscribe({ topic: '$share/g/a', qos: 2 }, { topic: 'own', qos: 1 })
      await away.disconnect()
      for (const topic of ['a', 'own']) await broker.publish({ topic, payload: topic, qos: 2 })
      const { client: staying } = await connect('staying', {})
      await staying.subscribe({ topic: '$share/g/a', qos: 2 })
      failing.fail('deleteSession', how)
      if (end === 'expiry') await clock.advance(13_000)
      else assert.equal((await connect('away', { clean: true })).reasonCode, 0x88)
      failing.fail(undefined)
      const ended = once(broker, 'sessionEnded')
      if (end === 'expiry') await clock.advance(3000)
      else assert.equal((await connect('away', end === 'clean start' ? { clean: true } : undefined)).reasonCode, 0)
      await ended
      assert.deepEqual(await receiveTexts(staying), ['a'])
      assert.equal(broker.drops['session-ended'], 1)
      const closing = broker.close()
      await clock.advance(60_000)
      await closing
    })
  }
}
