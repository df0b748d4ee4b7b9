/** What clients notice while the engine does not answer, and of a node that is disconnected from it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MqttClient } from 'mqtt'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import type { Cluster } from '../../types/cluster.js'
import { receivedBy, until, withNodes } from './support/nodes.js'

const LEASE_MS = 15_000

test('while the engine does not answer nothing is acknowledged and nothing is lost', async () => {
  const cluster = new MemoryCluster()
  await withNodes(cluster, 2, async (one, other) => {
    const subscriber = await other!.connectStored('sub')
    await subscriber.subscribeAsync('t/#', { qos: 2 })
    const neighbour = await one!.connect('neighbour')
    await neighbour.subscribeAsync('q0', { qos: 0 })
    const publisher = await one!.connect('pub')
    cluster.down()
    let acknowledged = 0
    const publishing = ([1, 2] as const).map(async qos => {
      await publisher.publishAsync(`t/${qos}`, `QoS ${qos}`, { qos })
      acknowledged++
    })
    // QoS 0 between clients of one node needs no engine, but does not overtake earlier messages
    const second = await withoutEngine(() => one!.broker.publish({ topic: 'q0', payload: 'goes on' }))
    assert.equal(second, 'done')
    await until(() => receivedBy(neighbour).length === 1, 'QoS 0')
    assert.equal(acknowledged, 0)
    cluster.up()
    await Promise.all(publishing)
    await until(() => receivedBy(subscriber).length === 2, 'the messages')
    assert.deepEqual(receivedBy(subscriber).sort(), ['QoS 1', 'QoS 2'])
  })
})

test('a node that is cut off disconnects its clients, and takes part again when it can', async () => {
  const clock = new FakeClock()
  const cluster = new MemoryCluster({ clock })
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const lost: string[] = []
      one!.broker.on('leaseLost', ({ code }) => lost.push(code))
      const first = await one!.connectStored('mover')
      await first.subscribeAsync('t', { qos: 1 })
      const left = closed(first)
      const node = cluster.nodes.get('node0')!
      cluster.cut(node)
      await clock.advance(LEASE_MS)
      await left
      assert.deepEqual(lost, ['ANAX_ERR_FENCED'])
      const publisher = await other!.connect('pub')
      await publisher.publishAsync('t', 'meanwhile', { qos: 1 })
      const second = await other!.connectStored('mover')
      await until(() => receivedBy(second).length === 1, 'what came meanwhile')
      cluster.heal(node)
      await until(() => one!.broker.cluster?.nodes.length === 2, 'the node')
      const third = await one!.connectStored('mover')
      await publisher.publishAsync('t', 'again', { qos: 1 })
      await until(() => receivedBy(third).length === 1, 'the message')
      assert.deepEqual(receivedBy(third), ['again'])
    },
    { clock, leaseMs: LEASE_MS },
  )
})

test('another node publishes the will and ends the session of a node that is gone', async () => {
  const clock = new FakeClock()
  const cluster = new MemoryCluster({ clock })
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const witness = await other!.connect('witness')
      await witness.subscribeAsync('will', { qos: 1 })
      const ended: string[] = []
      other!.broker.on('sessionEnded', clientId => ended.push(clientId))
      await one!.connect('mortal', {
        clean: false,
        properties: { sessionExpiryInterval: 1 },
        will: { topic: 'will', payload: Buffer.from('gone'), qos: 1 },
      })
      cluster.cut(cluster.nodes.get('node0')!)
      await clock.advance(LEASE_MS)
      await clock.advance(2000)
      await until(() => receivedBy(witness).length > 0 && ended.length > 0, 'will and end')
      assert.deepEqual([receivedBy(witness), ended], [['gone'], ['mortal']])
    },
    { clock, leaseMs: LEASE_MS },
  )
})

test('the will of a client on a dead node and its next will are both published', async () => {
  const clock = new FakeClock()
  const cluster = new MemoryCluster({ clock })
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const witness = await other!.connect('witness', { keepalive: 0 })
      await witness.subscribeAsync('will', { qos: 1 })
      const willOf = (text: string) => ({
        keepalive: 0,
        will: { topic: 'will', payload: Buffer.from(text), qos: 1 as const },
      })
      await one!.connect('mortal', willOf('first'))
      cluster.cut(cluster.nodes.get('node0')!)
      // it waits for the lease of the node, and has its own will then
      const back = other!.connect('mortal', willOf('second'))
      await clock.advance(LEASE_MS)
      const second = await back
      second.stream.destroy()
      await until(
        () => receivedBy(witness).length === 2,
        () => receivedBy(witness).join(),
      )
      assert.deepEqual(receivedBy(witness), ['first', 'second'])
    },
    { clock, leaseMs: LEASE_MS },
  )
})

test('a session that was connected when its node died exists for its whole expiry, whenever it was last disconnected', async () => {
  const clock = new FakeClock()
  const cluster = new MemoryCluster({ clock })
  const session = { keepalive: 0, clean: false, properties: { sessionExpiryInterval: 60 } }
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const ended: string[] = []
      other!.broker.on('sessionEnded', clientId => ended.push(clientId))
      const first = await one!.connect('user', session)
      await first.endAsync()
      await until(() => one!.broker.connectedClients === 0, 'the end of the connection')
      await one!.connect('user', session)
      // the deadline that was written when it was disconnected has passed long ago
      await clock.advance(600_000)
      cluster.cut(cluster.nodes.get('node0')!)
      await clock.advance(LEASE_MS + 59_000)
      assert.deepEqual(ended, [])
      await clock.advance(LEASE_MS + 2000)
      assert.deepEqual(ended, ['user'])
    },
    { clock, leaseMs: LEASE_MS },
  )
})

/** Whether a promise is settled soon. */
function withoutEngine(operation: () => Promise<void>): Promise<'done' | 'late'> {
  return Promise.race([
    operation().then(() => 'done' as const),
    new Promise<'late'>(resolve => setTimeout(() => resolve('late'), 5000).unref()),
  ])
}

test('clients without stored state may stay on a node that is cut off, and are claimed again later', async () => {
  const clock = new FakeClock()
  const engine = new MemoryCluster({ clock })
  let isCut = false
  const cluster: Cluster = {
    async join(request) {
      if (isCut) throw new Error('the engine cannot be reached')
      return await engine.join(request)
    },
  }
  await withNodes(
    cluster,
    2,
    async (one, other) => {
      const keepalive = 0
      const plain = await one!.connect('plain', { keepalive })
      const moved = await one!.connect('moved', { keepalive })
      await plain.subscribeAsync(['q0', 't'], { qos: 1 })
      await moved.subscribeAsync('q0')
      const stored = await one!.connectStored('stored', { keepalive })
      const will = { topic: 'w', payload: Buffer.from('gone'), qos: 0 as const, retain: false }
      const willed = await one!.connect('willed', { keepalive, will })
      const gone = Promise.all([stored, willed].map(closed))
      await other!.broker.publish({ topic: 'late', payload: 'kept', qos: 1, retain: true })
      isCut = true
      engine.cut(engine.nodes.get('node0')!)
      await clock.advance(LEASE_MS)
      await gone
      assert.deepEqual([one!.broker.connectedClients, one!.broker.ready], [2, false])
      // they apply here at once, and on the other nodes later
      const granted = await plain.subscribeAsync(['late', '$share/g/shared'], { qos: 1 })
      assert.deepEqual(
        granted.map(({ qos }) => qos),
        [1, 1],
      )
      plain.publish('late', 'alone')
      moved.publish('q0', 'alone')
      await until(() => receivedBy(plain).length === 2 && receivedBy(moved).length === 1, 'QoS 0 without the engine')
      await assert.rejects(plain.publishAsync('q0', 'no', { qos: 1 }), { code: 0x80 })
      const told: (number | undefined)[] = []
      moved.on('disconnect', ({ reasonCode }) => told.push(reasonCode))
      const movedAway = closed(moved)
      await other!.connect('moved', { keepalive })
      isCut = false
      // the node tries once a second
      await clock.advance(1000)
      await movedAway
      assert.deepEqual(told, [0x8e])
      await until(() => one!.broker.ready && one!.broker.connectedClients === 1, 'the node')
      const publisher = await other!.connect('publisher', { keepalive })
      for (const topic of ['t', 'late', 'shared']) await publisher.publishAsync(topic, 'together', { qos: 1 })
      await until(() => receivedBy(plain).length === 6, 'what another node published')
      const taken = closed(plain)
      await other!.connect('plain', { keepalive })
      await taken
    },
    { clock, leaseMs: LEASE_MS, lostLease: 'keep-stateless' },
  )
})

/** Resolves when the connection of a client is over. */
function closed(client: MqttClient): Promise<void> {
  return new Promise(resolve => client.once('close', () => resolve()))
}
