/** From a cluster to one broker, or to another cluster: clients find there what the cluster had, while its nodes go on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Broker,
  createBroker,
  createMemoryPersistence,
  openClusterExport,
  openClusterImport,
} from '../../lib/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import { exportStore, importStore, lineOf, recordsIn } from '../../lib/transfer/index.js'
import type { Cluster } from '../../types/cluster.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { assertAllIsThere, gone, leaveBehind, STORED, WILL_DELAY_SECONDS } from './scene.js'

/** Two nodes, with one client that is away and has messages of all kinds, one with a will that waits, one connected. */
async function withNodes(
  clock: FakeClock,
  body: (cluster: Cluster, one: Broker, connected: SpecClient) => Promise<void>,
): Promise<void> {
  const cluster = new MemoryCluster({ clock })
  await using one = await createBroker({ id: 'one', cluster, clock })
  await using other = await createBroker({ id: 'other', cluster, clock })
  await leaveBehind(one, other)
  const connected = new SpecClient(one)
  await connected.connect({ clientId: 'connected', ...STORED })
  await connected.subscribe({ topic: 'live', qos: 1 }, { topic: 'news/second', qos: 1 })
  await body(cluster, one, connected)
}

async function linesOf(cluster: Cluster): Promise<string[]> {
  await using source = await openClusterExport(cluster)
  const lines: string[] = []
  for await (const record of exportStore(source)) lines.push(lineOf(record))
  return lines
}

const COUNTS = { sessions: 3, queued: 4, wills: 1, retained: 1 }

test('a cluster can be moved to one broker by a file while its nodes keep running', async () => {
  const clock = new FakeClock()
  const persistence = createMemoryPersistence({ now: () => clock.now() })
  await withNodes(clock, async (cluster, one, connected) => {
    const changes: string[] = []
    one.on('clusterChanged', ({ node, change }) => changes.push(`${node} ${change}`))
    const lines = await linesOf(cluster)
    assert.deepEqual(await importStore(persistence, recordsIn(lines)), COUNTS)
    // the client that was connected still is
    await one.publish({ topic: 'live', payload: 'goes on', qos: 1 })
    assert.equal((await connected.expect('publish')).payload.toString(), 'goes on')
    assert.deepEqual([changes, one.cluster?.nodes.length], [[], 2])
  })
  await using broker = await createBroker({ persistence, clock })
  await assertAllIsThere(broker, broker)
  const connected = new SpecClient(broker)
  assert.equal((await connected.connect({ clientId: 'connected', ...STORED })).sessionPresent, true)
  await broker.publish({ topic: 'live', payload: 'here', qos: 1 })
  assert.equal((await connected.expect('publish')).payload.toString(), 'here')
  const wills: string[] = []
  await broker.subscribe('gone', ({ payload }) => {
    wills.push(payload.toString())
  })
  for (let second = 0; second <= WILL_DELAY_SECONDS; second++) await clock.advance(1000)
  assert.deepEqual(wills, ['gone'])
})

test('a cluster can be copied to another one', async () => {
  const clock = new FakeClock()
  const copy = new MemoryCluster({ clock, shards: 2 })
  await withNodes(clock, async cluster => {
    await using target = await openClusterImport(copy)
    assert.deepEqual(await importStore(target, recordsIn(await linesOf(cluster))), COUNTS)
  })
  await using broker = await createBroker({ id: 'copy', cluster: copy, clock })
  await assertAllIsThere(broker, broker)
})

test('the expiry of a session that was connected starts at the export', async () => {
  const clock = new FakeClock()
  await withNodes(clock, async (cluster, one, connected) => {
    await gone(one, connected)
    const again = new SpecClient(one)
    await again.connect({ clientId: 'connected', ...STORED })
    const sessions = (await linesOf(cluster)).map(line => JSON.parse(line)).filter(({ kind }) => kind === 'session')
    const ends = Object.fromEntries(sessions.map(({ clientId, expiresAt }) => [clientId, expiresAt]))
    assert.deepEqual(ends, { connected: undefined, phone: ends.phone, sensor: ends.sensor })
    assert.ok(ends.phone > clock.now())
  })
})

test('messages that are queued for only one session each are kept apart', async () => {
  const cluster = new MemoryCluster()
  const persistence = createMemoryPersistence()
  {
    await using target = await openClusterImport(cluster)
    const source = createMemoryPersistence()
    await using before = await createBroker({ persistence: source })
    for (const clientId of ['a', 'b']) {
      const client = new SpecClient(before)
      await client.connect({ clientId, ...STORED })
      await client.subscribe({ topic: clientId, qos: 1 })
      await gone(before, client)
      await before.publish({ topic: clientId, payload: `for ${clientId}`, qos: 1 })
    }
    await importStore(target, exportStore(source))
  }
  await importStore(persistence, recordsIn(await linesOf(cluster)))
  await using broker = await createBroker({ persistence })
  for (const clientId of ['a', 'b']) {
    const client = new SpecClient(broker)
    await client.connect({ clientId, ...STORED })
    assert.equal((await client.expect('publish')).payload.toString(), `for ${clientId}`)
    await client.expectNothing()
  }
})

test('a cluster is exported as a whole, not by client', async () => {
  const cluster = new MemoryCluster()
  await using source = await openClusterExport(cluster)
  const some = exportStore(source, { clientIds: ['phone'] })
  await assert.rejects(
    async () => {
      for await (const _record of some);
    },
    { code: 'ANAX_ERR_ARGUMENT' },
  )
})
