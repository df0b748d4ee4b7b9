/** Export and import of stores as lines: the imported store has the same content, for every pair of kinds. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import aedesMemory from 'aedes-persistence'
import { Level } from 'level'
import { createLmdbPersistence } from '../../lib/persistence/lmdb/lmdb.js'
import { createMemoryPersistence } from '../../lib/persistence/memory/memory.js'
import {
  all,
  BROKER,
  markSent,
  message,
  policy,
  saveSessions,
  to,
  will,
} from '../../lib/testing/persistence/harness.js'
import {
  clientIdsInLevel,
  exportStore,
  importStore,
  lineOf,
  readMosquitto,
  recordIn,
  recordsIn,
  type StoreRecord,
} from '../../lib/transfer/index.js'
import type { AedesPersistence, SessionPersistence } from '../../types/persistence.js'
import { temporaryFolder } from '../persistence/lmdb/folders.js'
import { ROOT } from '../support/root.js'

const NOW = 1_900_000_000_000

const STORES: Readonly<Record<string, () => SessionPersistence>> = {
  memory: () => createMemoryPersistence({ now: () => NOW }),
  LMDB: () => createLmdbPersistence({ path: temporaryFolder(), now: () => NOW }),
}

async function withStores(
  kinds: readonly [keyof typeof STORES, keyof typeof STORES],
  body: (from: SessionPersistence, to: SessionPersistence) => Promise<void>,
): Promise<void> {
  const [from, to] = [STORES[kinds[0]]!(), STORES[kinds[1]]!()]
  await from.setup(BROKER)
  await to.setup(BROKER)
  try {
    await body(from, to)
  } finally {
    await from.destroy()
    await to.destroy()
  }
}

async function fill(store: SessionPersistence): Promise<void> {
  await saveSessions(store, 'a', 'b')
  const details = { username: 'ann', protocolVersion: 5, connectedAt: NOW }
  await store.saveSession({ clientId: 'c', expiryInterval: 60, expiresAt: NOW, details })
  await store.addSubscriptions({ id: 'a' }, [
    { topic: 'tenant/t', qos: 1, nl: true, rap: false, rh: 1, requested: 't' },
  ])
  await store.addSubscriptions({ id: 'a' }, [{ topic: '$share/g/t', qos: 2, subscriptionIdentifier: 3 }])
  await store.addIncoming('a', 7)
  const properties = { userProperties: { a: ['b', 'c'] }, correlationData: Buffer.from([0, 255]) }
  const [released, sent, shared, last] = [
    message({ qos: 2 }),
    message({ payload: Buffer.from([0, 1, 255]), properties }),
    message({ messageExpiry: NOW + 5, username: 'ann', receivedAt: NOW }),
    message(),
  ]
  for (const each of [released, sent, last]) await store.enqueue(each, [to('a', { qos: each.qos })], policy())
  await store.enqueue(shared, [to('a', { subscriptionIdentifiers: [3], retain: true }), to('b')], policy())
  await markSent(store, 'a', released, 1)
  await store.markReleased('a', released, 1)
  await markSent(store, 'a', sent, 2)
  await store.storeRetained(message({ topic: 'r', retain: true, properties }))
  await store.saveWill('a', will({ publisher: { clientId: 'a', username: 'ann' } }), undefined)
  await store.saveWill('c', will({ payload: Buffer.from([255]) }), NOW)
}

async function linesOf(store: SessionPersistence | AedesPersistence, clientIds?: string[]): Promise<string[]> {
  return (await all(exportStore(store, clientIds && { clientIds }))).map(lineOf)
}

/** All exported lines, in one order whatever the store. */
async function contentOf(store: SessionPersistence): Promise<unknown> {
  const records = (await linesOf(store)).map(line => recordIn(line, 1))
  for (const record of records) {
    if (record.kind === 'session') record.subscriptions.sort((a, b) => a.topic.localeCompare(b.topic))
  }
  return records
}

describe('an export', () => {
  for (const kinds of [
    ['memory', 'LMDB'],
    ['LMDB', 'memory'],
    ['LMDB', 'LMDB'],
  ] as const) {
    it(`from ${kinds[0]} to ${kinds[1]} is complete`, () =>
      withStores(kinds, async (from, to) => {
        await fill(from)
        const lines = await linesOf(from)
        const counts = await importStore(to, recordsIn(lines))
        assert.deepEqual(counts, { sessions: 3, queued: 5, wills: 2, retained: 1 })
        assert.deepEqual(await contentOf(to), await contentOf(from))
        // Imports again: existing content is replaced.
        await importStore(to, recordsIn(lines))
        for (const clientId of ['a', 'b']) {
          assert.deepEqual(await payloadsIn(to, clientId), await payloadsIn(from, clientId))
        }
        assert.equal((await linesOf(to)).length, lines.length)
      }))
  }

  it('keeps the order of each queue, even if queues share messages in different orders', () =>
    withStores(['memory', 'LMDB'], async (from, to) => {
      await saveSessions(from, 'a', 'b', 'c')
      const [one, two, three] = ['1', '2', '3'].map(payload => message({ payload: Buffer.from(payload) }))
      const orders = { a: [one, three], b: [two, three], c: [three, two, one] }
      for (const [clientId, order] of Object.entries(orders)) {
        for (const each of order) await from.enqueue(each!, [{ ...toClient(clientId) }], policy())
      }
      await importStore(to, exportStore(from))
      for (const clientId of Object.keys(orders)) {
        assert.deepEqual(await payloadsIn(to, clientId), await payloadsIn(from, clientId))
      }
    }))

  it('of chosen clients contains only these', () =>
    withStores(['memory', 'memory'], async from => {
      await fill(from)
      const records = await all(exportStore(from, { clientIds: ['b', 'unknown'] }))
      const sessions = records.filter(record => record.kind === 'session')
      assert.deepEqual(
        sessions.map(({ clientId }) => clientId),
        ['b'],
      )
    }))

  it('is possible from a store with the base contract only, for clients that are named', () =>
    withStores(['memory', 'LMDB'], async (_, to) => {
      const from = (aedesMemory as unknown as () => AedesPersistence)()
      await from.setup(BROKER as never)
      await from.addSubscriptions({ id: 'a' }, [{ topic: 't/#', qos: 1 }])
      await from.outgoingEnqueue({ clientId: 'a' }, message({ payload: Buffer.from('queued') }))
      await from.storeRetained(message({ topic: 'r', retain: true }))
      await from.putWill({ id: 'a' }, will())
      await assert.rejects(all(exportStore(from)), { code: 'ANAX_ERR_ARGUMENT' })
      await importStore(to, recordsIn(await linesOf(from, ['a'])))
      assert.deepEqual(await payloadsIn(to, 'a'), ['queued'])
      assert.equal((await to.subscriptionsByTopic('t/1')).length, 1)
      assert.equal((await to.retainedOf('r'))?.payload.toString(), 'payload')
      assert.equal((await to.getWill({ id: 'a' }))?.topic, 'gone')
      assert.equal((await to.openSession('a'))?.expiryInterval, 0xffff_ffff)
      await from.destroy()
    }))
})

describe('aedes-persistence-level', () => {
  it('is read with the clients that are found in its database', () =>
    withStores(['memory', 'LMDB'], async (_, to) => {
      const db = new Level<string, Buffer>(temporaryFolder(), { valueEncoding: 'binary' })
      const LevelPersistence = createRequire(import.meta.url)('aedes-persistence-level/asyncPersistence.js')
      const from: AedesPersistence = new LevelPersistence(db)
      await from.setup(BROKER as never)
      await from.addSubscriptions({ id: 'a/b:c' }, [
        { topic: 't/#', qos: 1 },
        { topic: 'u', qos: 1 },
      ])
      await from.addSubscriptions({ id: 'd' }, [{ topic: 't/1', qos: 1 }])
      await from.outgoingEnqueue({ clientId: 'd' }, message({ payload: Buffer.from('queued') }))
      assert.deepEqual(await all(clientIdsInLevel(db)), ['a/b:c', 'd'])
      await importStore(to, exportStore(from, { clientIds: clientIdsInLevel(db) }))
      assert.equal((await to.openSession('a/b:c'))?.subscriptions.length, 2)
      assert.deepEqual(await payloadsIn(to, 'd'), ['queued'])
      await from.destroy()
    }))
})

describe('the database of Mosquitto', () => {
  const file = readFileSync(join(ROOT, 'test/transfer/fixtures/mosquitto-2.0.db'))

  it('is imported: sessions, queues, retained messages', () =>
    withStores(['memory', 'LMDB'], async (_, to) => {
      const counts = await importStore(to, readMosquitto(file))
      assert.deepEqual(counts, { sessions: 2, queued: 4, wills: 0, retained: 2 })
      assert.deepEqual(await payloadsIn(to, 'away'), ['hello', 'two'])
      assert.deepEqual(await payloadsIn(to, 'old'), ['hello', 'two'])
      const [first] = await all(to.queued('old'))
      assert.equal(first?.message?.username, 'ann')
      assert.equal(first?.message?.messageExpiry, 1_795_846_758_000)
      assert.deepEqual({ ...first?.message?.properties?.userProperties }, { a: 'b' })
      const { expiryInterval, expiresAt, subscriptions } = (await to.openSession('away'))!
      assert.deepEqual([expiryInterval, expiresAt], [3600, 1_795_849_358_000])
      assert.deepEqual(
        subscriptions.map(({ topic, qos }) => [topic, qos]),
        [['q/#', 1]],
      )
      assert.equal((await to.openSession('old'))?.expiresAt, undefined)
      assert.equal((await to.retainedOf('r/1'))?.payload.toString(), 'kept')
    }))

  it('is refused if it is truncated, of another version, or another format', () => {
    const other = Buffer.from(file)
    other.writeUInt32BE(5, 19)
    for (const wrong of [file.subarray(0, file.length - 3), file.subarray(0, 20), other, Buffer.from('{}')]) {
      assert.throws(() => [...readMosquitto(wrong)], { code: 'ANAX_ERR_ARGUMENT', message: /mosquitto.db/ })
    }
  })

  it('is read or refused, wherever it ends', () => {
    for (let end = 0; end < file.length; end++) {
      try {
        assert.ok([...readMosquitto(file.subarray(0, end))].length > 0)
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ANAX_ERR_ARGUMENT')
      }
    }
  })
})

describe('a line', () => {
  it('that is invalid is refused, with its number', async () => {
    for (const line of ['{', 'null', '{"kind":"other"}', '{"kind":"anax-export","version":9}']) {
      assert.throws(() => recordIn(line, 3), { code: 'ANAX_ERR_ARGUMENT', message: /line 3/ })
    }
    await assert.rejects(all(recordsIn(['{"kind":"will"}'])), { code: 'ANAX_ERR_ARGUMENT', message: /line 1/ })
  })

  it('is parsed to the record from which it was made', () => {
    const record: StoreRecord = { kind: 'retained', message: message({ payload: Buffer.from([0, 200]) }) }
    const { message: read } = recordIn(lineOf(record), 1) as typeof record
    assert.deepEqual(read.payload, record.message.payload)
  })
})

function toClient(clientId: string) {
  return to(clientId)
}

async function payloadsIn(store: SessionPersistence, clientId: string): Promise<(string | undefined)[]> {
  return (await all(store.queued(clientId))).map(entry => entry.message?.payload.toString())
}
