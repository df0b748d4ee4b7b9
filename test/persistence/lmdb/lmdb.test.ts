/** The LMDB store: both suites, and its particular features. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import abstractSuite from 'aedes-persistence/abstract.js'
import { createLmdbPersistence, type LmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import {
  all,
  BROKER,
  enqueue,
  message,
  payloads,
  policy,
  refOf,
  saveSessions,
  to,
  will,
} from '../../../lib/testing/persistence/harness.js'
import { persistenceSuite } from '../../../lib/testing/persistence.js'
import { temporaryFolder } from './folders.js'

const paths = new Map<unknown, string>()

function open(path: string): LmdbPersistence {
  // Verification has its own tests; here it would start a process at each opening.
  const store = createLmdbPersistence({ path, verify: 'off' })
  paths.set(store, path)
  return store
}

describe('the base contract', () =>
  abstractSuite({ test, persistence: () => open(temporaryFolder()), testAsync: true }))

describe('the session contract', () =>
  persistenceSuite({
    test,
    create: () => open(temporaryFolder()),
    reopen: async store => {
      await store.destroy()
      return open(paths.get(store)!)
    },
  }))

describe('LmdbPersistence', () => {
  async function withStore(body: (store: LmdbPersistence, path: string) => Promise<void>): Promise<void> {
    const path = temporaryFolder()
    const store = open(path)
    await store.setup(BROKER)
    try {
      await body(store, path)
    } finally {
      await store.destroy()
    }
  }

  it('reports its durability', () => {
    assert.equal(createLmdbPersistence({ path: 'x' }).durability, 'commit')
    assert.equal(createLmdbPersistence({ path: 'x', durability: 'sync' }).durability, 'sync')
  })

  it('refuses invalid options', () => {
    const bad = (options: object | undefined) => () => createLmdbPersistence(options as { path: string })
    assert.throws(bad({}), { code: 'ANAX_ERR_OPTION' })
    assert.throws(bad(undefined), { code: 'ANAX_ERR_OPTION', message: /options are an object/ })
    assert.throws(bad({ path: 'x', durabilty: 'sync' }), { code: 'ANAX_ERR_OPTION', message: /no option 'durabilty'/ })
    assert.throws(bad({ path: 'x', durability: 'perhaps' }), { code: 'ANAX_ERR_OPTION' })
    assert.throws(bad({ path: 'x', verify: true }), { code: 'ANAX_ERR_OPTION', message: /'quick', 'full' or 'off'/ })
  })

  it('writes pending changes when it is closed', async () => {
    const path = temporaryFolder()
    const first = open(path)
    await first.setup(BROKER)
    saveSessions(first, 'a')
    first.enqueue(message({ payload: Buffer.from('late') }), [to('a')], policy())
    await first.destroy()
    assert.throws(() => first.nextDeadline(), { code: 'ANAX_ERR_CLOSED' })
    const second = open(path)
    await second.setup(BROKER)
    assert.deepEqual(await payloads(second, 'a'), ['late'])
    await second.destroy()
  })

  it('answers calls in order while it closes, and none afterwards', () =>
    withStore(async store => {
      await saveSessions(store, 'a')
      await enqueue(store, 'a', ...Array.from({ length: 200 }, (_, i) => `${i}`))
      const entries = store.queued('a')[Symbol.asyncIterator]()
      for (let i = 0; i < 100; i++) await entries.next()
      const ended = store.deleteSession('a')
      const closed = store.destroy()
      assert.deepEqual(await store.queueSize('a'), { messages: 0, bytes: 0 })
      await ended
      await closed
      await assert.rejects(async () => await entries.next(), { code: 'ANAX_ERR_CLOSED' })
    }))

  it('shows uncommitted changes', () =>
    withStore(async store => {
      store.saveSession({ clientId: 'a', expiryInterval: 60, expiresAt: undefined })
      store.addIncoming('a', 7)
      store.enqueue(message({ payload: Buffer.from('one') }), [to('a')], policy())
      store.storeRetained(message({ topic: 't', retain: true }))
      store.saveWill('a', will(), undefined)
      assert.deepEqual([store.retainedCount, store.retainedBytes], [1, 7])
      assert.equal(store.retainedOf('t')?.payload.toString(), 'payload')
      assert.deepEqual((await store.openSession('a'))?.incoming, [7])
      assert.deepEqual(await payloads(store, 'a'), ['one'])
      assert.equal((await store.getWill({ id: 'a' }))?.topic, 'gone')
    }))

  it('does not retain messages that a queue refuses', () =>
    withStore(async store => {
      await saveSessions(store, 'a')
      const refused = message({ topic: 't', retain: true })
      const queued = store.enqueue(refused, [to('a')], policy({ maxMessages: 0, overflow: 'reject' }))
      const retained = store.storeRetained({ ...refused })
      await assert.rejects(queued, { code: 'ANAX_ERR_QUOTA' })
      await assert.rejects(retained, { code: 'ANAX_ERR_QUOTA' })
      assert.deepEqual([store.retainedCount, store.retainedOf('t')], [0, undefined])
      await store.storeRetained(refused)
      assert.equal(store.retainedCount, 1)
    }))

  it('accepts text of any length that MQTT allows', () =>
    withStore(async store => {
      const [long, longer] = ['ü'.repeat(30_000), `${'ü'.repeat(30_000)}/x`]
      await saveSessions(store, long, longer)
      for (const topic of [long, longer]) await store.storeRetained(message({ topic, retain: true }))
      await enqueue(store, longer, 'one')
      assert.deepEqual([await payloads(store, long), await payloads(store, longer)], [[], ['one']])
      assert.equal((await all(store.retained([`${long}/#`]))).length, 2)
      assert.equal((await all(store.retained([longer]))).length, 1)
    }))

  it('finds more retained messages than it reads in one step', () =>
    withStore(async store => {
      const topics = Array.from({ length: 450 }, (_, i) => `many/${i}`)
      await Promise.all(topics.map(topic => store.storeRetained(message({ topic, retain: true }))))
      assert.equal((await all(store.retained(['many/+']))).length, 450)
    }))

  it('removes the long queue of an ended session in steps', () =>
    withStore(async (store, path) => {
      await saveSessions(store, 'a', 'b')
      const messages = Array.from({ length: 1200 }, () => message({ payload: Buffer.alloc(1) }))
      await Promise.all(messages.map(each => store.enqueue(each, [to('a')], policy({ maxMessages: 2000 }))))
      await store.deleteSession('a')
      await store.destroy()
      const reopened = open(path)
      await reopened.setup(BROKER)
      const limits = policy({ overflow: 'reject' }, 1)
      for (let tries = 0; (await reopened.countQueuedBytes()) > 0 && tries < 1000; tries++) {
        await new Promise(resolve => setImmediate(resolve))
      }
      assert.equal(await reopened.enqueue(message({ payload: Buffer.alloc(1) }), [to('b')], limits), undefined)
      await reopened.destroy()
    }))

  it('removes no more per step if many sessions with long queues end at the same time', () =>
    withStore(async store => {
      const clientIds = Array.from({ length: 40 }, (_, i) => `${i}`)
      await saveSessions(store, ...clientIds)
      const payload = Buffer.alloc(1)
      const steps = clientIds.flatMap(id =>
        Array.from({ length: 50 }, () => store.enqueue(message({ payload }), [to(id)], policy())),
      )
      await Promise.all(steps)
      const left: (number | Promise<number>)[] = []
      const ends = clientIds.map(id => store.deleteSession(id))
      for (const end of ends) end.then(() => left.push(store.countQueuedBytes()))
      await Promise.all(ends)
      assert.equal(await left[0], 1500)
      let before = 1500
      for (let now = await store.countQueuedBytes(); now > 0; now = await store.countQueuedBytes()) {
        assert.ok(now >= before - 500, `${before - now} at once`)
        before = now
        await store.removeIncoming('0', 1)
      }
    }))

  it('stores a payload once, and deletes it with the last queue', () =>
    withStore(async store => {
      await saveSessions(store, 'a', 'b', 'c')
      const shared = message({ payload: Buffer.alloc(100) })
      await store.enqueue(shared, [to('a'), to('b'), to('c')], policy())
      assert.equal(await store.countQueuedBytes(), 100)
      await store.removeQueued('a', refOf(shared))
      await store.markReleased('b', refOf(shared), 1)
      assert.equal(await store.countQueuedBytes(), 100)
      await store.deleteSession('c')
      assert.equal(await store.countQueuedBytes(), 0)
      await store.removeQueued('b', refOf(shared))
      assert.deepEqual(await payloads(store, 'b'), [])
    }))

  it('counts retained messages correctly while others are pending', () =>
    withStore(async store => {
      await saveSessions(store, 'a')
      const retained = (topic: string, fields = {}) => message({ topic, retain: true, ...fields })
      await store.storeRetained(retained('expired', { messageExpiry: 1 }))
      const refused = retained('refused')
      const limits = policy({ maxMessages: 0, overflow: 'reject' })
      let next: Promise<void> | undefined
      const before = store.addIncoming('a', 1).then(() => {
        next = store.storeRetained(retained('next'))
      })
      const steps = [
        store.enqueue(refused, [to('a')], limits),
        store.storeRetained(refused),
        store.sweep(1, 10),
        store.storeRetained(retained('kept')),
      ]
      assert.equal(store.retainedCount, 3)
      await Promise.allSettled([before, ...steps])
      assert.deepEqual([store.retainedCount, store.retainedBytes], [2, 14])
      await next
      assert.deepEqual([store.retainedCount, store.retainedBytes], [2, 14])
    }))

  it('reports more to sweep if a part of a step belonged to ended sessions', () =>
    withStore(async store => {
      await saveSessions(store, 'a')
      const expiring = (fields = {}) => message({ messageExpiry: 1, ...fields })
      const queued = Array.from({ length: 600 }, () => store.enqueue(expiring(), [to('a')], policy()))
      for (const topic of ['t', 'u']) store.storeRetained(expiring({ topic, retain: true }))
      await Promise.all(queued)
      store.deleteSession('a')
      const { dropped, retained, more } = await store.sweep(1, 101)
      assert.deepEqual([dropped.length, retained.length, more], [0, 1, true])
    }))
})
