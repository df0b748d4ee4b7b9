/** From a cluster to one broker, or to another cluster: clients find there what the cluster had, while its nodes go on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
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
import { publishPacket, SpecClient } from '../support/clients/spec-client.js'

const STORED = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const
const WILL_DELAY_SECONDS = 10

/** Two nodes, with one client that is away and has messages of all kinds, one with a will that waits, one connected. */
async function withNodes(
  clock: FakeClock,
  body: (cluster: Cluster, one: Broker, connected: SpecClient) => Promise<void>,
): Promise<void> {
  const cluster = new MemoryCluster({ clock })
  await using one = await createBroker({ id: 'one', cluster, clock })
  await using other = await createBroker({ id: 'other', cluster, clock })
  const phone = new SpecClient(one)
  await phone.connect({ clientId: 'phone', ...STORED })
  await phone.subscribe({ topic: 'news/#', qos: 2 })
  await other.publish({ topic: 'news/first', payload: 'begun', qos: 2 })
  assert.equal((await phone.expect('publish')).messageId, 1)
  phone.send(publishPacket({ topic: 'from/phone', qos: 2, messageId: 9 }))
  await phone.expect('pubrec')
  await gone(one, phone)
  for (const text of ['one', 'two']) await other.publish({ topic: 'news/second', payload: text, qos: 1 })
  await other.publish({ topic: 'news/kept', payload: 'kept', qos: 1, retain: true })
  const will = { topic: 'gone', payload: Buffer.from('gone'), qos: 1, retain: false } as const
  const sensor = new SpecClient(other)
  const properties = { willDelayInterval: WILL_DELAY_SECONDS }
  await sensor.connect({ clientId: 'sensor', ...STORED, will: { ...will, properties } })
  await gone(other, sensor)
  const connected = new SpecClient(one)
  await connected.connect({ clientId: 'connected', ...STORED })
  await connected.subscribe({ topic: 'live', qos: 1 }, { topic: 'news/second', qos: 1 })
  await body(cluster, one, connected)
}

/** The line of a client breaks, and the broker has noticed it. */
async function gone(broker: Broker, client: SpecClient): Promise<void> {
  await Promise.all([once(broker, 'clientDisconnect'), client.drop()])
}

async function linesOf(cluster: Cluster): Promise<string[]> {
  await using source = await openClusterExport(cluster)
  const lines: string[] = []
  for await (const record of exportStore(source)) lines.push(lineOf(record))
  return lines
}

const COUNTS = { sessions: 3, queued: 4, wills: 1, retained: 1 }

/** What the client that was away gets on a broker that has all of it. */
async function assertAllIsThere(broker: Broker): Promise<void> {
  const phone = new SpecClient(broker)
  assert.equal((await phone.connect({ clientId: 'phone', ...STORED })).sessionPresent, true)
  const came: unknown[] = []
  for (let count = 0; count < 4; count++) {
    const { payload, qos, dup, messageId } = await phone.expect('publish')
    came.push([payload.toString(), qos, dup, messageId === 1])
  }
  assert.deepEqual(came, [
    ['begun', 2, true, true],
    ['one', 1, false, false],
    ['two', 1, false, false],
    ['kept', 1, false, false],
  ])
  // the packet id of what it had published is known
  phone.send({ cmd: 'pubrel', messageId: 9 })
  assert.equal((await phone.expect('pubcomp')).reasonCode ?? 0, 0)
  await broker.publish({ topic: 'news/third', payload: 'new', qos: 1 })
  assert.equal((await phone.expect('publish')).payload.toString(), 'new')
  await phone.expectNothing()
  const late = new SpecClient(broker)
  await late.connect({ clientId: 'late' })
  await late.subscribe({ topic: 'news/#', qos: 1 })
  const { payload, retain } = await late.expect('publish')
  assert.deepEqual([payload.toString(), retain], ['kept', true])
}

test('a cluster moves to one broker, by a file, while its nodes go on', async () => {
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
  await assertAllIsThere(broker)
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

test('a cluster is copied to another one', async () => {
  const clock = new FakeClock()
  const copy = new MemoryCluster({ clock, shards: 2 })
  await withNodes(clock, async cluster => {
    await using target = await openClusterImport(copy)
    assert.deepEqual(await importStore(target, recordsIn(await linesOf(cluster))), COUNTS)
  })
  await using broker = await createBroker({ id: 'copy', cluster: copy, clock })
  await assertAllIsThere(broker)
})

test('a session that was in use lasts as long as it would from the export on', async () => {
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

test('messages that two sessions have for themselves are not mistaken for each other', async () => {
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

test('a cluster is exported as a whole', async () => {
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
