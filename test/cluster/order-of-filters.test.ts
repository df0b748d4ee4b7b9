/**
 * A client with several filters reconnects: its node already reads the messages of one filter, because another client
 * subscribes to it, and not yet those of the other filter. Messages that arrive meanwhile are not skipped.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { Gate, withFaults } from './support/faults.js'
import { receivedBy, until, withNodes } from './support/nodes.js'

for (const qos of [1, 2] as const) {
  test(`messages of a filter that is already read do not overtake those of one that is not read yet, QoS ${qos}`, async () => {
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
      // it has read what it missed: from now on messages are live
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
