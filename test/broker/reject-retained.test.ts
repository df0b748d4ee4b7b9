/** A retained message that a full queue refuses is nowhere: what was retained before it stays, whatever the store. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBroker, createMemoryPersistence } from '../../lib/index.js'
import { createLmdbPersistence } from '../../lib/persistence/lmdb.js'
import type { AedesPersistence } from '../../types/persistence.js'
import { temporaryFolder } from '../persistence/lmdb-folders.js'
import { receiveAll } from '../support/exchange.js'
import { keptSession } from '../support/spec.js'
import { SpecClient } from '../support/spec-client.js'

const STORES: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
}

for (const [name, store] of Object.entries(STORES)) {
  describe(`a queue that refuses, with the ${name} store`, () => {
    it('keeps the message from being retained', async () => {
      const broker = await createBroker({ persistence: store(), queueOverflow: 'reject', maxQueuedMessages: 1 })
      const client = new SpecClient(broker)
      await client.connect({ clientId: 'full', ...keptSession(5) })
      await client.subscribe({ topic: 'a', qos: 1 })
      await client.disconnect()
      const publish = (payload: string) => broker.publish({ topic: 'a', payload, qos: 1, retain: true })
      await publish('first')
      await assert.rejects(publish('second'), { code: 'ANAX_ERR_QUOTA' })
      const late = new SpecClient(broker)
      await late.connect({ clientId: 'late' })
      await late.subscribe({ topic: 'a', qos: 1 })
      const retained = await receiveAll(late)
      assert.deepEqual(
        retained.map(({ payload }) => String(payload)),
        ['first'],
      )
      await broker.close()
    })

    it('and the last of several is the one that stays, whether it is queued or not', async () => {
      const broker = await createBroker({ persistence: store(), queueOverflow: 'reject', maxQueuedMessages: 2 })
      const client = new SpecClient(broker)
      await client.connect({ clientId: 'full', ...keptSession(5) })
      await client.subscribe({ topic: 'a', qos: 1 })
      await client.disconnect()
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, (_, i) =>
          broker.publish({ topic: 'a', payload: String(i), qos: i === 3 ? 0 : 1, retain: true }),
        ),
      )
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected'],
      )
      const late = new SpecClient(broker)
      await late.connect({ clientId: 'late' })
      await late.subscribe({ topic: 'a', qos: 1 })
      const retained = await receiveAll(late)
      assert.deepEqual(
        retained.map(({ payload }) => String(payload)),
        ['3'],
      )
      await broker.close()
    })
  })
}
