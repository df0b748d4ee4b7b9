/**
 * A session with several filters whose client is back: the engine brings the messages of one of them, because a neighbour
 * wants it as well, and not yet those of the other. Nothing that comes meanwhile is passed over.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { Gate, withFaults } from './support/faults.js'
import { receivedBy, until, withNodes } from './support/nodes.js'

for (const qos of [1, 2] as const) {
  test(`what is not brought yet is not passed over by what is, QoS ${qos}`, async () => {
    const gate = new Gate()
    let isHeld = false
    const cluster = withFaults(new MemoryCluster({ shards: 1 }), node => ({
      want: async filter => {
        if (isHeld && node.node === 'node1' && filter === 'late') await gate.pass()
        return await node.want(filter)
      },
    }))
    await withNodes(cluster, 2, async (one, other) => {
      const first = await one!.connectStored('subscriber')
      await first.subscribeAsync(['early', 'late'], { qos })
      await first.endAsync()
      await (await other!.connect('neighbour')).subscribeAsync('early', { qos })
      isHeld = true
      const back = await other!.connectStored('subscriber')
      await until(() => gate.isReached, 'the wish for the other filter')
      // it has read what it missed: from here on messages come live
      await one!.broker.publish({ topic: 'early', payload: 'first', qos })
      await until(() => receivedBy(back).length === 1, 'a message')
      await one!.broker.publish({ topic: 'late', payload: 'not brought', qos })
      await one!.broker.publish({ topic: 'early', payload: 'brought', qos })
      gate.open()
      await one!.broker.publish({ topic: 'early', payload: 'last', qos })
      await until(() => receivedBy(back).includes('last'), 'the last message')
      assert.deepEqual(receivedBy(back), ['first', 'not brought', 'brought', 'last'])
    })
  })
}
