/** What a session misses in a cluster: held to the limits of queues, and kept for as long as the session lasts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import type { OverflowPolicy } from '../../types/persistence.js'
import { numbers, receivedBy, type TestNode, until, withNodes } from './nodes.js'

async function missed(one: TestNode, count: number): Promise<void> {
  const client = await one.connectStored('away')
  await client.subscribeAsync('t', { qos: 1 })
  await client.endAsync()
  for (const payload of numbers(count)) await one.broker.publish({ topic: 't', payload, qos: 1 })
}

for (const queueOverflow of ['drop-newest', 'drop-oldest', 'reject'] as const satisfies OverflowPolicy[]) {
  test(`what is beyond the limit of the queue is dropped and told, ${queueOverflow}`, async () => {
    await withNodes(
      new MemoryCluster(),
      2,
      async (one, other) => {
        const dropped: string[] = []
        other!.broker.on('drop', ({ clientId, reason, message }) => {
          dropped.push(`${clientId} ${reason} ${message.payload.toString()}`)
        })
        await missed(one!, 8)
        const client = await other!.connectStored('away')
        const expected = queueOverflow === 'drop-oldest' ? numbers(5, 3) : numbers(5)
        await until(() => receivedBy(client).length >= 5 && dropped.length >= 3, 'the messages')
        assert.deepEqual(receivedBy(client), expected)
        const gone = queueOverflow === 'drop-oldest' ? numbers(3) : numbers(3, 5)
        assert.deepEqual(
          dropped,
          gone.map(text => `away queue-full ${text}`),
        )
        assert.equal(other!.broker.drops['queue-full'], 3)
        // it is connected: what comes now is not a queue
        for (const payload of numbers(20, 8)) await one!.broker.publish({ topic: 't', payload, qos: 1 })
        await until(() => receivedBy(client).length >= 25, 'the live ones')
        assert.deepEqual(receivedBy(client), [...expected, ...numbers(20, 8)])
      },
      { maxQueuedMessages: 5, queueOverflow },
    )
  })
}

test('what the log forgets was kept with the session, in order, within the limits', async () => {
  const cluster = new MemoryCluster({ logMs: 500 })
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
