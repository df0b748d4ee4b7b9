/** A folder of schema version 1: it is migrated when it is opened, and keeps its content. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { open as openDatabase } from 'lmdb'
import { createLmdbPersistence, type LmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { all, BROKER, enqueue, payloads, removeQueued } from '../../../lib/testing/persistence/harness.js'
import { ROOT } from '../../support/root.js'
import { temporaryFolder } from './folders.js'

const NOW = 1_900_000_000_000
const FIXTURE = join(ROOT, 'test/persistence/lmdb/fixtures/version-1.mdb.gz')
const LONG = 'long-'.repeat(300)

function oldFolder(): string {
  const path = temporaryFolder()
  writeFileSync(join(path, 'data.mdb'), gunzipSync(readFileSync(FIXTURE)))
  return path
}

async function opened(path: string): Promise<LmdbPersistence> {
  const store = createLmdbPersistence({ path, now: () => NOW })
  await store.setup(BROKER)
  return store
}

/** The content of the fixture, from fixtures/make-version-1.mjs. */
async function checkContent(store: LmdbPersistence): Promise<void> {
  const sessions = await all(store.sessions())
  assert.deepEqual(
    sessions.map(({ clientId, expiryInterval, expiresAt }) => [clientId, expiryInterval, expiresAt]).toSorted(),
    [
      ['away', 60, NOW + 60_000],
      ['connected', 3600, undefined],
      ['forever', 0xffff_ffff, undefined],
      [LONG, 0xffff_ffff, undefined],
      [`${LONG}2`, 60, NOW + 60_000],
    ],
  )
  const { subscriptions, incoming } = (await store.openSession('connected'))!
  assert.deepEqual(incoming, [7])
  assert.deepEqual(
    subscriptions.map(({ topic, qos, nl, subscriptionIdentifier }) => [topic, qos, nl, subscriptionIdentifier]),
    [
      ['$share/g/t', 2, undefined, 3],
      ['t/#', 1, true, undefined],
    ],
  )
  assert.equal((await store.subscriptionsByTopic('t/x')).length, 1)
  assert.deepEqual(await store.countOffline(), { subsCount: 2, clientsCount: 2 })
  await checkQueues(store)
  assert.equal(store.retainedOf('r/1')?.payload.toString(), 'kept')
  assert.equal((store.retainedOf('r/3') as unknown as { other: number }).other, 1)
  assert.equal(store.retainedCount, 3)
  const wills = await all(store.wills())
  assert.deepEqual(
    wills.map(({ clientId, dueAt, will }) => [clientId, dueAt, will.payload.toString()]),
    [
      ['away', NOW + 30_000, 'bye'],
      ['connected', undefined, 'bye'],
    ],
  )
  assert.equal(store.nextDeadline(), NOW + 1000)
}

async function checkQueues(store: LmdbPersistence): Promise<void> {
  const queue = await all(store.queued('connected'))
  assert.deepEqual(
    queue.map(({ packetId, message }) => [packetId, message?.payload.subarray(0, 7).toString()]),
    [
      [1, undefined],
      [2, 'sent'],
      [undefined, 'waiting'],
      [undefined, '\x01'.repeat(7)],
    ],
  )
  assert.deepEqual(queue[3]?.message?.properties, { userProperties: { a: ['b', 'c'] }, contentType: 'x' })
  assert.equal((await payloads(store, 'away')).length, 4)
  assert.equal((await all(store.inflight('connected'))).length, 2)
  const size = await store.queueSize('connected')
  assert.equal(size.messages, 4)
}

describe('a folder of schema version 1', () => {
  it('keeps all its data, and still has it when it is opened once more', async () => {
    const path = oldFolder()
    const store = await opened(path)
    await checkContent(store)
    await store.destroy()
    const again = await opened(path)
    await checkContent(again)
    await again.destroy()
  })

  it('can be used after the migration', async () => {
    const store = await opened(oldFolder())
    const before = await all(store.queued('away'))
    await enqueue(store, 'away', 'new')
    for (const { ref } of before) await removeQueued(store, 'away', ref)
    assert.deepEqual(await payloads(store, 'away'), ['new'])
    await store.deleteSession('connected')
    assert.equal(await store.countQueuedBytes(), 3)
    await store.destroy()
  })

  it('is not changed if the migration fails', async () => {
    const path = oldFolder()
    const database = openDatabase({ path, noSubdir: false })
    const options = { encoding: 'binary', keyEncoding: 'binary' } as const
    await database.openDB<Buffer, Buffer>('queues', options).put(Buffer.alloc(6, 9), Buffer.from([0xc1]))
    await database.close()
    await assert.rejects(opened(path), { code: 'ANAX_ERR_STORE_FORMAT' })
    const unchanged = openDatabase({ path, noSubdir: false })
    const meta = unchanged.openDB<{ schema: number }, Buffer>('anax', {
      keyEncoding: 'binary',
      useRecords: false,
    } as object)
    assert.equal(meta.get(Buffer.from('meta'))?.schema, 1)
    await unchanged.close()
  })
})
