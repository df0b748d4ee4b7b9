/**
 * Import of a broker's store into a cluster: its clients find their sessions there, and get the messages that they
 * missed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker, createMemoryPersistence, openClusterImport } from '../../lib/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import { exportStore, importStore } from '../../lib/transfer/index.js'
import type { AedesPersistence } from '../../types/persistence.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { assertAllIsThere, leaveBehind, STORED, WILL_DELAY_SECONDS } from './scene.js'

/** Content of the store when the broker stopped. */
async function oneBroker(clock = new FakeClock()): Promise<AedesPersistence> {
  const persistence = createMemoryPersistence({ now: () => clock.now() })
  await using broker = await createBroker({ persistence, clock })
  await leaveBehind(broker, broker)
  return persistence
}

async function moved(persistence: AedesPersistence, clock = new FakeClock()): Promise<MemoryCluster> {
  const cluster = new MemoryCluster({ clock })
  await using target = await openClusterImport(cluster)
  const counts = await importStore(target, exportStore(persistence))
  assert.deepEqual(counts, { sessions: 2, queued: 4, wills: 1, retained: 1 })
  return cluster
}

test('imported queues, messages in flight and retained messages are available on every node', async () => {
  const cluster = await moved(await oneBroker())
  await using one = await createBroker({ id: 'one', cluster })
  await using other = await createBroker({ id: 'other', cluster })
  await assertAllIsThere(other, one)
})

for (const isBack of [false, true]) {
  test(`an imported delayed will is ${isBack ? 'not published if its client reconnects' : 'published once'}`, async () => {
    const clock = new FakeClock()
    const cluster = await moved(await oneBroker(clock), clock)
    await using one = await createBroker({ id: 'one', cluster, clock })
    await using other = await createBroker({ id: 'other', cluster, clock })
    const wills: string[] = []
    for (const broker of [one, other]) {
      await broker.subscribe('gone', ({ payload }) => {
        wills.push(`${broker.id}: ${payload}`)
      })
    }
    const sensor = new SpecClient(one)
    if (isBack) assert.equal((await sensor.connect({ clientId: 'sensor', ...STORED })).sessionPresent, true)
    for (let second = 0; second <= WILL_DELAY_SECONDS; second++) await clock.advance(1000)
    assert.deepEqual(wills.sort(), isBack ? [] : ['one: gone', 'other: gone'])
  })
}

test('an imported session replaces one that the cluster already has, and disconnects its client', async () => {
  const cluster = new MemoryCluster()
  await using broker = await createBroker({ cluster })
  const phone = new SpecClient(broker)
  await phone.connect({ clientId: 'phone', ...STORED })
  await phone.subscribe({ topic: 'other', qos: 1 })
  {
    await using target = await openClusterImport(cluster)
    await importStore(target, exportStore(await oneBroker()))
  }
  await phone.expectDisconnect(0x8e)
  await broker.publish({ topic: 'other', payload: 'x', qos: 1 })
  const again = new SpecClient(broker)
  await again.connect({ clientId: 'phone', ...STORED })
  for (const text of ['begun', 'one', 'two', 'kept']) {
    assert.equal((await again.expect('publish')).payload.toString(), text)
  }
  await again.expectNothing()
})

test('an import that fails rejects when it is closed', async () => {
  const cluster = new MemoryCluster()
  const target = await openClusterImport(cluster)
  await target.deleteSession('phone')
  await target.saveSession({ clientId: 'phone', expiryInterval: 60, expiresAt: undefined, details: undefined })
  // another process took its name while it was cut off
  const [node] = cluster.nodes.values()
  cluster.cut(node!)
  await using broker = await createBroker({ id: node!.node, cluster })
  assert.ok(broker.ready)
  cluster.heal(node!)
  await assert.rejects(target.close(), { code: 'ANAX_ERR_FENCED' })
})
