/**
 * A retained message that a full queue refuses is not stored: the previous retained message stays, with every store.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Broker, createBroker, createMemoryPersistence } from '../../../../lib/index.js'
import { createLmdbPersistence } from '../../../../lib/persistence/lmdb/lmdb.js'
import type { AedesPersistence } from '../../../../types/persistence.js'
import { temporaryFolder } from '../../../persistence/lmdb/folders.js'
import { receiveAll } from '../../../support/clients/exchange.js'
import { SpecClient } from '../../../support/clients/spec-client.js'
import { keptSession } from '../../../support/spec.js'

const STORES: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
}

/** A broker that refuses messages for which the queue of a disconnected session has no room. */
async function brokerWith(persistence: AedesPersistence, maxQueuedMessages: number) {
  const broker = await createBroker({ persistence, queueOverflow: 'reject', maxQueuedMessages })
  const client = new SpecClient(broker)
  await client.connect({ clientId: 'full', ...keptSession(5) })
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.disconnect()
  return broker
}

/** The retained messages for a new subscription. */
async function retainedIn(broker: Broker): Promise<string[]> {
  const late = new SpecClient(broker)
  await late.connect({ clientId: 'late' })
  await late.subscribe({ topic: 'a', qos: 1 })
  const retained = await receiveAll(late)
  return retained.map(({ payload }) => String(payload))
}

for (const [name, store] of Object.entries(STORES)) {
  describe(`a queue that refuses, with the ${name} store`, () => {
    it('prevents the message from being retained', async () => {
      const broker = await brokerWith(store(), 1)
      const publish = (payload: string) => broker.publish({ topic: 'a', payload, qos: 1, retain: true })
      await publish('first')
      await assert.rejects(publish('second'), { code: 'ANAX_ERR_QUOTA' })
      assert.deepEqual(await retainedIn(broker), ['first'])
      await broker.close()
    })

    it('leaves the last accepted message retained, whether it is queued or not', async () => {
      const broker = await brokerWith(store(), 2)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, (_, i) =>
          broker.publish({ topic: 'a', payload: String(i), qos: i === 3 ? 0 : 1, retain: true }),
        ),
      )
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected'],
      )
      assert.deepEqual(await retainedIn(broker), ['3'])
      await broker.close()
    })
  })
}
