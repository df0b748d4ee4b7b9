/**
 * A session that gets a message twice, for its own subscription and for its group: if one copy is refused, so is the
 * other.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { all } from '../../../lib/testing/persistence/harness.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { temporaryFolder } from '../../persistence/lmdb/folders.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const STORES: Record<string, () => SessionPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
}

for (const [name, open] of Object.entries(STORES)) {
  describe(`a queue that refuses, with the ${name} store`, () => {
    /** Disconnected sessions: one subscribes twice, one once; the queue of one of them is full with one message. */
    async function publishing(full: 'both' | 'single', payloads: string[]) {
      const persistence = open()
      const queueLimits = (clientId: string) =>
        clientId === full ? ({ overflow: 'reject', maxMessages: 1 } as const) : undefined
      const broker = await createBroker({ persistence, queueLimits })
      for (const [clientId, topics] of [
        ['single', ['a']],
        ['both', ['a', '$share/g/a']],
      ] as const) {
        const client = new SpecClient(broker)
        await client.connect({ clientId, ...keptSession(5) })
        for (const topic of topics) await client.subscribe({ topic, qos: 1 })
        await client.disconnect()
      }
      const outcomes = await Promise.allSettled(
        payloads.map(payload => broker.publish({ topic: 'a', payload, qos: 1 })),
      )
      const queueOf = async (clientId: string) =>
        (await all(persistence.queued(clientId))).map(({ message }) => message?.payload.toString())
      const queues = [await queueOf('single'), await queueOf('both')]
      await broker.close()
      return { outcomes: outcomes.map(({ status }) => status), queues }
    }

    it('refuses the copy for a shared group too', async () => {
      const { outcomes, queues } = await publishing('single', ['one', 'two'])
      assert.deepEqual(outcomes, ['fulfilled', 'rejected'])
      assert.deepEqual(queues, [['one'], ['one', 'one']])
    })

    it('refuses the whole message if only the copy for a shared group has no room', async () => {
      const { outcomes, queues } = await publishing('both', ['one'])
      assert.deepEqual(outcomes, ['rejected'])
      assert.deepEqual(queues, [[], []])
    })
  })
}
