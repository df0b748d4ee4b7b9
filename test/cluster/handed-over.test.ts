/**
 * What a node must not act on any more: a claim of a lease that it has lost, a will that it has handed over, and a
 * message of a shared subscription that a member has already.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnaxError } from '../../lib/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import { Gate, withFaults } from './support/faults.js'
import { receivedBy, until, withNodes } from './support/nodes.js'

const LEASE_MS = 15_000

test('a client that was claimed with a lease that is now lost is refused', async () => {
  const clock = new FakeClock()
  const engine = new MemoryCluster({ clock })
  const gate = new Gate()
  const cluster = withFaults(engine, node => ({
    load: async claim => {
      const records = await node.load(claim)
      if (claim.clientId === 'slow') await gate.pass()
      return records
    },
  }))
  await withNodes(
    cluster,
    1,
    async one => {
      const connecting = one!.connect('slow', { keepalive: 0 })
      const refused = assert.rejects(connecting, { code: 0x88 })
      await until(() => gate.isReached, 'the claim')
      const node = engine.nodes.get('node0')!
      engine.cut(node)
      await clock.advance(LEASE_MS)
      engine.heal(node)
      await until(() => one!.broker.ready, 'another lease')
      gate.open()
      await refused
      assert.equal(one!.broker.connectedClients, 0)
      await one!.connect('slow', { keepalive: 0 })
    },
    { clock, leaseMs: LEASE_MS },
  )
})

test('a node does not publish a pending will after another node has taken over the session', async () => {
  const clock = new FakeClock()
  const engine = new MemoryCluster({ clock })
  let fails = false
  const cluster = withFaults(engine, node => ({
    write: async (claim, write) => {
      if (fails && write.message?.topic === 'will') throw new AnaxError('ANAX_ERR_CLUSTER', { detail: 'refused' })
      return await node.write(claim, write)
    },
  }))
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const witness = await other!.connect('witness', { keepalive: 0 })
      await witness.subscribeAsync('will', { qos: 1 })
      const clientId = Array.from({ length: 100 }, (_, i) => `mortal${i}`).find(
        id => engine.keeperOf(id)?.node === 'node1',
      )!
      const sessionOf = (text: string, willDelayInterval: number) => ({
        keepalive: 0,
        clean: false,
        properties: { sessionExpiryInterval: 3600 },
        will: { topic: 'will', payload: Buffer.from(text), qos: 1 as const, properties: { willDelayInterval } },
      })
      fails = true
      const first = await one!.connect(clientId, sessionOf('first', 0))
      first.stream.destroy()
      await until(() => one!.broker.connectedClients === 0, 'the end of the connection')
      fails = false
      await clock.advance(2000)
      await until(() => receivedBy(witness).length === 1, 'the will')
      const second = await other!.connect(clientId, sessionOf('second', 60))
      second.stream.destroy()
      await until(() => other!.broker.connectedClients === 1, 'the end of the connection')
      await one!.connect(clientId, sessionOf('third', 60))
      await witness.publishAsync('will', 'done', { qos: 1 })
      await until(() => receivedBy(witness).includes('done'), 'the end')
      assert.deepEqual(receivedBy(witness), ['first', 'done'])
    },
    { clock, leaseMs: LEASE_MS },
  )
})

test('a message of a shared subscription that is being stored with a member that leaves is not given to another', async () => {
  const gate = new Gate()
  const cluster = withFaults(new MemoryCluster({ shards: 1 }), node => ({
    write: async (claim, write) => {
      const position = await node.write(claim, write)
      if (claim?.clientId === 'first' && write.records?.x1 !== undefined) await gate.pass()
      return position
    },
  }))
  await withNodes(cluster, 2, async (one, other) => {
    const first = await one!.connectStored('first')
    await first.subscribeAsync('$share/group/t', { qos: 2 })
    await one!.broker.publish({ topic: 't', payload: 'once', qos: 2 })
    await until(() => gate.isReached, 'the message')
    const second = await other!.connectStored('second')
    await second.subscribeAsync('$share/group/t', { qos: 2 })
    await first.endAsync()
    await one!.broker.publish({ topic: 't', payload: 'next', qos: 2 })
    await until(() => receivedBy(second).includes('next'), 'the next message')
    gate.open()
    const again = await other!.connectStored('first')
    await until(() => receivedBy(again).length === 1, 'the message')
    await one!.broker.publish({ topic: 't', payload: 'last', qos: 2 })
    await until(() => [again, second].some(client => receivedBy(client).includes('last')), 'the last message')
    assert.deepEqual(
      [...receivedBy(again), ...receivedBy(second)].filter(text => text === 'once'),
      ['once'],
    )
  })
})

test('a will counts on the node that has its session: a node does not keep the numbers of clients that moved on', async () => {
  await withNodes(new MemoryCluster(), 2, async (one, other) => {
    const will = { topic: 'will', payload: Buffer.from('x'), properties: { willDelayInterval: 600 } }
    const counts = () => [one, other].map(node => node!.broker.stats().wills.messages)
    await one!.connectStored('mobile', { will })
    assert.deepEqual(counts(), [1, 0])
    one!.breakConnections()
    await until(() => one!.broker.connectedClients === 0, 'its end')
    await other!.connectStored('mobile', { will })
    assert.deepEqual(counts(), [0, 1])
  })
})
