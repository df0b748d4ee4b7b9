/** A client with a stored session reconnects to a node that already reads its filters: what the node asks the engine for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import { Gate, withFaults } from './support/faults.js'
import { missed, receivedBy, until, withNodes } from './support/nodes.js'

test('a session whose filters are already read by its node resumes without a request for the end of the log, and gets everything', async () => {
  let asked = 0
  const cluster = withFaults(new MemoryCluster({ shards: 1 }), node => ({
    ends: async () => {
      asked++
      return await node.ends()
    },
  }))
  await withNodes(cluster, 2, async (one, other) => {
    const neighbour = await other!.connect('neighbour')
    await neighbour.subscribeAsync('t', { qos: 1 })
    await missed(one!, 3)
    await until(() => receivedBy(neighbour).length === 3, 'what was published')
    asked = 0
    const back = await other!.connectStored('away')
    await one!.broker.publish({ topic: 't', payload: 'live', qos: 1 })
    await until(() => receivedBy(back).length === 4, 'all messages')
    assert.deepEqual([receivedBy(back), asked], [['0', '1', '2', 'live'], 0])
  })
})

test('a session without filters causes no request, and starts where it subscribes', async () => {
  const read: number[] = []
  const cluster = withFaults(new MemoryCluster({ shards: 1 }), node => ({
    read: (filters, after, upTo) => {
      read.push(after[0]!)
      return node.read(filters, after, upTo)
    },
  }))
  await withNodes(cluster, 1, async one => {
    await (await one!.connectStored('new')).endAsync()
    for (let i = 0; i < 3; i++) await one!.broker.publish({ topic: 't', payload: `before ${i}`, qos: 1 })
    const back = await one!.connectStored('new')
    await back.subscribeAsync('t', { qos: 1 })
    await one!.broker.publish({ topic: 't', payload: 'after', qos: 1 })
    await until(() => receivedBy(back).length === 1, 'the message')
    assert.deepEqual(receivedBy(back), ['after'])
    assert.ok(
      read.every(after => after >= 3),
      String(read),
    )
  })
})

test('a session that would expire while CONNECT is handled is resumed', async () => {
  const clock = new FakeClock()
  const gate = new Gate()
  const cluster = withFaults(new MemoryCluster({ clock }), node => ({
    load: async claim => {
      const records = await node.load(claim)
      if (claim.clientId === 'away' && node.node === 'node1') await gate.pass()
      return records
    },
  }))
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const stored = { clean: false, keepalive: 0, properties: { sessionExpiryInterval: 1 } }
      const first = await one!.connect('away', stored)
      await first.subscribeAsync('t', { qos: 1 })
      await first.endAsync()
      const connecting = other!.connect('away', stored)
      await until(() => gate.isReached, 'the claim')
      await clock.advance(1500)
      gate.open()
      const back = await connecting
      await one!.broker.publish({ topic: 't', payload: 'for the same session', qos: 1 })
      await until(() => receivedBy(back).length === 1, 'the message')
    },
    { clock },
  )
})
