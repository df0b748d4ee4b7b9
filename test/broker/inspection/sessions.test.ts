/** Lists of sessions, connected and stored, page by page, and the operations on them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { FakeClock } from '../../../lib/testing/index.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { Page, PageQuery, SessionInfo, SubscriptionInfo } from '../../../types/broker/inspection.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { temporaryFolder } from '../../persistence/lmdb/folders.js'
import { connectTo, withBrokers } from '../../support/brokers/several.js'
import { STORES } from '../../support/brokers/stores.js'
import { keptSession } from '../../support/spec.js'

const KINDS: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
  'aedes-persistence': () => STORES['aedes-persistence']!(new FakeClock()),
}

function withStore(title: string, body: (broker: Broker, clock: FakeClock, kind: string) => Promise<void>): void {
  for (const [kind, create] of Object.entries(KINDS)) {
    test(`${title} (${kind})`, () =>
      withBrokers([{ persistence: create() }], ([broker], clock) => body(broker, clock, kind)))
  }
}

async function allPages<T>(read: (query: PageQuery) => Promise<Page<T>>, limit: number): Promise<T[]> {
  const items: T[] = []
  let after: string | undefined
  do {
    const page = await read({ after, limit })
    assert.ok(page.items.length <= limit)
    items.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return items
}

const ids = (sessions: { clientId: string }[]) => sessions.map(({ clientId }) => clientId)

withStore('a session is described with its connection and its stored state', async (broker, clock, kind) => {
  const start = clock.now()
  const client = await connectTo(broker, 'a', {
    ...keptSession(5, 3600),
    username: 'ann',
    keepalive: 30,
  })
  await client.subscribe({ topic: 't', qos: 1 }, { topic: 'u', qos: 0 })
  await broker.publish({ topic: 't', payload: 'four', qos: 1 })
  const connected = await broker.session('a')
  assert.deepEqual(connected, {
    clientId: 'a',
    connected: true,
    stored: true,
    username: 'ann',
    address: undefined,
    protocolVersion: 5,
    createdAt: start,
    connectedAt: start,
    disconnectedAt: undefined,
    keepalive: 30,
    expiryInterval: 3600,
    expiresAt: undefined,
    subscriptions: 2,
    inflight: 1,
    incoming: 0,
    queued: { messages: 1, bytes: 4 },
    drops: 0,
  } satisfies SessionInfo)
  await clock.advance(1000)
  await client.disconnect()
  while (broker.connectedClients > 0) await nextTurn()
  assert.deepEqual(await broker.session('a'), {
    ...connected!,
    connected: false,
    disconnectedAt: start + 1000,
    keepalive: undefined,
    expiresAt: start + 1000 + 3_600_000,
  } satisfies SessionInfo)
  assert.equal(await broker.session('b'), undefined)
  await clock.advance(1000)
  await connectTo(broker, 'a', { ...keptSession(5, 3600), username: 'bob' })
  const again = await broker.session('a')
  assert.deepEqual(
    [again?.username, again?.createdAt, again?.connectedAt, again?.disconnectedAt],
    ['bob', start, start + 2000, undefined],
    kind,
  )
})

withStore('each session is on exactly one page, even if others come and go', async (broker, clock) => {
  for (let i = 0; i < 30; i++) {
    const client = await connectTo(broker, `c${i}`, i % 3 === 0 ? {} : keptSession(5))
    if (i % 3 === 1) await client.disconnect()
  }
  while (broker.connectedClients > 20) await nextTurn()
  const seen: SessionInfo[] = []
  for (let after: string | undefined, page = 0; page === 0 || after !== undefined; page++) {
    const { items, next } = await broker.sessions({ after, limit: 7 })
    seen.push(...items)
    after = next
    await connectTo(broker, `B${page}`, keptSession(5))
    if (page === 1) await broker.disconnect('c8')
  }
  const expected = Array.from({ length: 30 }, (_, i) => `c${i}`).toSorted()
  assert.deepEqual(ids(seen), expected)
  const connected = Object.fromEntries(seen.map(session => [session.clientId, session.connected]))
  assert.deepEqual([connected.c0, connected.c1, connected.c2, connected.c8], [true, false, true, false])
  await clock.advance(0)
})

withStore('sessions can be searched by their properties', async broker => {
  for (const [id, username] of [
    ['dev', 'ann'],
    ['dev-1', 'ann'],
    ['dev-2', 'bob'],
    ['other', 'ann'],
  ] as const) {
    const client = await connectTo(broker, id, { ...keptSession(5), username })
    if (id === 'dev-1') await client.disconnect()
  }
  while (broker.connectedClients > 3) await nextTurn()
  const find = async (filter: object) => ids((await broker.sessions({ filter })).items)
  assert.deepEqual(await find({ prefix: 'dev' }), ['dev', 'dev-1', 'dev-2'])
  assert.deepEqual(await find({ prefix: 'dev-' }), ['dev-1', 'dev-2'])
  assert.deepEqual(await find({ username: 'ann' }), ['dev', 'dev-1', 'other'])
  assert.deepEqual(await find({ username: 'ann', prefix: 'dev', connected: true }), ['dev'])
  assert.deepEqual(await find({ connected: false }), ['dev-1'])
  assert.deepEqual(await find({ address: '::1' }), [])
  const pages = await allPages(query => broker.sessions({ ...query, filter: { prefix: 'dev' } }), 1)
  assert.deepEqual(ids(pages), ['dev', 'dev-1', 'dev-2'])
})

withStore('subscriptions are listed, including those of disconnected sessions', async broker => {
  const one = await connectTo(broker, 'one', keptSession(5))
  await one.subscribe({ topic: 'a/#', qos: 1 }, { topic: 'b', qos: 2 })
  const two = await connectTo(broker, 'two')
  await two.subscribe({ topic: '$share/g/a/+', qos: 0 }, { topic: 'a/#', qos: 0 })
  await one.disconnect()
  while (broker.connectedClients > 1) await nextTurn()
  const told = ({ clientId, topic, qos, connected }: SubscriptionInfo) => [clientId, topic, qos, connected]
  const all = [
    ['one', 'a/#', 1, false],
    ['one', 'b', 2, false],
    ['two', '$share/g/a/+', 0, true],
    ['two', 'a/#', 0, true],
  ]
  for (const limit of [1, 2, 3, 100]) {
    const found = await allPages(query => broker.subscriptions(query), limit)
    assert.deepEqual(found.map(told), all)
  }
  const find = async (query: object) => (await broker.subscriptions(query)).items.map(told)
  assert.deepEqual(await find({ clientId: 'two' }), all.slice(2))
  assert.deepEqual(await find({ filter: 'a/#' }), [all[0], all[3]])
  assert.deepEqual(await find({ topic: 'a/x/y' }), [all[0], all[3]])
  assert.deepEqual(await find({ topic: 'a/x', clientId: 'two' }), all.slice(2))
  assert.deepEqual(await find({ clientId: 'three' }), [])
})

withStore('the messages of a queue can be read without removing them', async broker => {
  const client = await connectTo(broker, 'a', keptSession(5))
  await client.subscribe({ topic: 't', qos: 1 })
  await broker.publish({ topic: 't', payload: 'sent', qos: 1 })
  await client.disconnect()
  while (broker.connectedClients > 0) await nextTurn()
  for (const payload of ['one', 'two']) await broker.publish({ topic: 't', payload, qos: 1 })
  const look = async () => {
    const found: unknown[] = []
    for await (const { message, qos, packetId, stored } of broker.queued('a')) {
      found.push([message?.payload.toString(), qos, packetId !== undefined, stored])
    }
    return found
  }
  const queue = [
    ['sent', 1, true, true],
    ['one', 1, false, true],
    ['two', 1, false, true],
  ]
  assert.deepEqual(await look(), queue)
  assert.deepEqual(await look(), queue)
})

withStore('deleting a session closes its connection', async broker => {
  const ended: unknown[] = []
  broker.on('sessionEnded', (clientId, reason) => ended.push([clientId, reason]))
  const connected = await connectTo(broker, 'connected', keptSession(5))
  const away = await connectTo(broker, 'away', keptSession(5))
  await connectTo(broker, 'fleeting')
  await away.disconnect()
  while (broker.connectedClients > 2) await nextTurn()
  assert.deepEqual(
    [
      await broker.deleteSession('connected'),
      await broker.deleteSession('away'),
      await broker.deleteSession('fleeting'),
      await broker.deleteSession('nobody'),
    ],
    [true, true, true, false],
  )
  assert.equal((await connected.expect('disconnect')).reasonCode, 0x98)
  assert.deepEqual(ended, [
    ['connected', 'deleted'],
    ['away', 'deleted'],
  ])
  assert.deepEqual((await broker.sessions()).items, [])
  assert.equal((await connectTo(broker, 'away', keptSession(5)).then(() => broker.session('away')))?.subscriptions, 0)
})

withStore('retained messages can be deleted by filter', async broker => {
  const told: string[] = []
  await broker.subscribe('#', ({ topic }) => told.push(topic))
  for (const topic of ['a/1', 'a/2', 'b']) await broker.publish({ topic, payload: 'x', retain: true })
  assert.equal(await broker.deleteRetained('a/+'), 2)
  const left: string[] = []
  for await (const { topic } of broker.retained('#')) left.push(topic)
  assert.deepEqual(left, ['b'])
  assert.deepEqual(told, ['a/1', 'a/2', 'b'])
})

test('a client can be disconnected by its identifier', async () => {
  await withBrokers([{}], async ([broker]) => {
    const client = await connectTo(broker, 'a', keptSession(5))
    assert.equal(await broker.disconnect('a', { reasonCode: 0x97, reasonString: 'too much' }), true)
    const { reasonCode, properties } = await client.expect('disconnect')
    assert.deepEqual([reasonCode, properties?.reasonString], [0x97, 'too much'])
    assert.equal(await broker.disconnect('a'), false)
    assert.equal((await broker.session('a'))?.connected, false)
  })
})

test('invalid queries are refused, and so are all queries of a closed broker', async () => {
  const broker = await createBroker()
  for (const limit of [0, 1001, 1.5]) {
    await assert.rejects(broker.sessions({ limit }), { code: 'ANAX_ERR_ARGUMENT' })
  }
  await assert.rejects(broker.subscriptions({ after: 'nonsense' }), { code: 'ANAX_ERR_ARGUMENT' })
  await assert.rejects(broker.deleteRetained('a/#/b'), { code: 'ANAX_ERR_ARGUMENT' })
  await broker.close()
  await assert.rejects(broker.sessions(), { code: 'ANAX_ERR_CLOSED' })
  await assert.rejects(broker.queued('a').next(), { code: 'ANAX_ERR_CLOSED' })
})

test('reading very many sessions takes several turns of the event loop', async () => {
  const persistence = createMemoryPersistence()
  for (let i = 0; i < 25_000; i++) {
    persistence.saveSession({ clientId: `c${i}`, expiryInterval: 60, expiresAt: undefined })
  }
  await withBrokers([{ persistence }], async ([broker]) => {
    let turns = 0
    const count = setInterval(() => turns++, 0)
    const first = await broker.sessions({ filter: { username: 'nobody' } })
    clearInterval(count)
    assert.deepEqual(first.items, [])
    assert.ok(first.next !== undefined, 'a page ends although nothing was found')
    assert.equal((await broker.sessions({ filter: { username: 'nobody' }, after: first.next })).next, undefined)
    assert.ok(turns > 10)
    const { stored, away, total } = broker.stats().sessions
    assert.deepEqual([stored, away, total], [25_000, 25_000, 25_000])
  })
})
