/** The limits of queues apply to what a session misses in a cluster. queue-long.test.ts waits until the log removes it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import type { OverflowPolicy } from '../../types/persistence.js'
import { dropsOf, missed, numbers, receivedBy, until, withNodes } from './support/nodes.js'

for (const queueOverflow of ['drop-newest', 'drop-oldest', 'reject'] as const satisfies OverflowPolicy[]) {
  test(`messages beyond the limit of the queue are dropped and reported, ${queueOverflow}`, async () => {
    await withNodes(
      new MemoryCluster(),
      2,
      async (one, other) => {
        const dropped = dropsOf(other!)
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
        // it is connected: messages that arrive now are not queued
        for (const payload of numbers(20, 8)) await one!.broker.publish({ topic: 't', payload, qos: 1 })
        await until(() => receivedBy(client).length >= 25, 'the live ones')
        assert.deepEqual(receivedBy(client), [...expected, ...numbers(20, 8)])
      },
      { maxQueuedMessages: 5, queueOverflow },
    )
  })
}

for (const queueOverflow of ['drop-newest', 'drop-oldest'] as const satisfies OverflowPolicy[]) {
  test(`the limit of the queue applies to a connected client that does not read, ${queueOverflow}`, async () => {
    await withNodes(
      new MemoryCluster(),
      2,
      async (one, other) => {
        const dropped = dropsOf(other!)
        const slow = await other!.connectStored('slow', {
          properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
        })
        const acknowledge: (() => void)[] = []
        slow.handleMessage = (_, done) => acknowledge.push(done)
        await slow.subscribeAsync('t', { qos: 1 })
        const quick = await other!.connectStored('quick')
        await quick.subscribeAsync('t', { qos: 1 })
        // the first is in flight, five wait
        for (const payload of numbers(9)) await one!.broker.publish({ topic: 't', payload, qos: 1 })
        await until(() => receivedBy(quick).length === 9, 'the client that reads')
        slow.handleMessage = (_, done) => done()
        for (const done of acknowledge) done()
        // the oldest one was about to be sent, and is no longer dropped
        const left = queueOverflow === 'drop-oldest' ? ['0', '1', ...numbers(5, 4)] : numbers(6)
        const gone = queueOverflow === 'drop-oldest' ? numbers(2, 2) : numbers(3, 6)
        await until(
          () => receivedBy(slow).length >= left.length && dropped.length >= gone.length,
          () => `${receivedBy(slow)}; ${dropped}`,
        )
        assert.deepEqual(receivedBy(slow), left)
        assert.deepEqual(
          dropped,
          gone.map(text => `slow queue-full ${text}`),
        )
        assert.equal(other!.broker.drops['queue-full'], gone.length)
        // it has caught up: nothing more is dropped
        for (const payload of numbers(3, 9)) await one!.broker.publish({ topic: 't', payload, qos: 1 })
        await until(() => receivedBy(slow).length >= left.length + 3, 'what came later')
        assert.deepEqual(receivedBy(slow), [...left, ...numbers(3, 9)])
      },
      { maxQueuedMessages: 5, queueOverflow },
    )
  })
}
