/** Messages for a disconnected session in a cluster are kept as long as the session, even if the log removes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { missed, numbers, receivedBy, until, withNodes } from './support/nodes.js'

test('messages that the log removes are stored with the session, in order, within the limits', async () => {
  const cluster = new MemoryCluster({ logMs: 4000 })
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const dropped: string[] = []
      for (const { broker } of [one!, other!]) {
        broker.on('drop', ({ message }) => dropped.push(message.payload.toString()))
      }
      await missed(one!, 8)
      await until(() => cluster.shards.every(({ log }) => log.length === 0), 'the end of the log')
      await one!.broker.publish({ topic: 't', payload: 'later', qos: 1 })
      const client = await other!.connectStored('away')
      await until(
        () => receivedBy(client).length >= 6,
        () => receivedBy(client).join(),
      )
      assert.deepEqual(receivedBy(client), numbers(6))
      await until(() => dropped.length >= 3, 'what was dropped')
      assert.deepEqual(new Set(dropped), new Set(['6', '7', 'later']))
    },
    { maxQueuedMessages: 6 },
  )
})
