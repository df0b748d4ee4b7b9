/** The contract of wills: stored while the client is connected, due when their delay is over. */
import assert from 'node:assert/strict'
import type { SessionPersistence } from '../../../types/persistence.js'
import { type Harness, saveSessions, will } from './harness.js'

const NOW = 1_900_000_000_000

async function due(store: SessionPersistence, now: number, limit: number): Promise<string[]> {
  return (await store.dueWills(now, limit)).map(({ clientId }) => clientId)
}

/** Defines them. */
export function defineWillTests(harness: Harness): void {
  harness.test('a will comes back as it was saved', async store => {
    const properties = { willDelayInterval: 5, contentType: 'x', userProperties: { a: 'b' } }
    await store.saveWill('a', will({ qos: 2, retain: true, properties }), NOW)
    const [found] = await store.dueWills(NOW, 1)
    assert.equal(found?.clientId, 'a')
    const { topic, payload, qos, retain, properties: kept } = found?.will ?? will()
    assert.deepEqual([topic, payload.toString(), qos, retain, kept], ['gone', 'bye', 2, true, properties])
    assert.equal((await store.getWill({ id: 'a' }))?.topic, 'gone')
    assert.equal(await store.getWill({ id: 'b' }), undefined)
  })

  harness.test('wills are due earliest first, no more than asked for, until they are deleted', async store => {
    for (const [clientId, dueAt] of Object.entries({ late: NOW + 1, second: NOW, first: NOW - 1 })) {
      await store.saveWill(clientId, will(), dueAt)
    }
    await store.saveWill('connected', will(), undefined)
    assert.deepEqual(await due(store, NOW, 10), ['first', 'second'])
    assert.deepEqual(await due(store, NOW, 1), ['first'])
    await store.deleteWill('first')
    await store.deleteWill('never was')
    assert.deepEqual(await due(store, NOW, 10), ['second'])
    assert.equal(await store.getWill({ id: 'first' }), undefined)
  })

  harness.test('a will that is saved again has its new content and its new time', async store => {
    await store.saveWill('a', will(), NOW)
    await store.saveWill('a', will({ topic: 'newer' }), NOW + 5)
    assert.deepEqual(await due(store, NOW, 10), [])
    assert.equal((await store.dueWills(NOW + 5, 10))[0]?.will.topic, 'newer')
    await store.saveWill('a', will({ topic: 'newest' }), undefined)
    assert.deepEqual(await due(store, NOW + 5, 10), [])
    assert.equal(store.nextDeadline(), undefined)
  })

  harness.test('recovery makes wills due when their delay or their session is over', async store => {
    await saveSessions(store, 'delayed', 'at once', 'short', 'waiting')
    await store.saveSession({ clientId: 'short', expiryInterval: 3, expiresAt: undefined })
    await store.saveWill('delayed', will({ properties: { willDelayInterval: 10 } }), undefined)
    await store.saveWill('at once', will(), undefined)
    await store.saveWill('short', will({ properties: { willDelayInterval: 10 } }), undefined)
    await store.saveWill('waiting', will(), NOW + 1)
    await store.saveWill('no session', will({ properties: { willDelayInterval: 10 } }), undefined)
    await store.recover(NOW)
    assert.deepEqual((await due(store, NOW, 10)).sort(), ['at once', 'no session'])
    await store.deleteWill('at once')
    await store.deleteWill('no session')
    assert.deepEqual(await due(store, NOW + 2999, 10), ['waiting'])
    assert.deepEqual(await due(store, NOW + 3000, 10), ['waiting', 'short'])
    assert.deepEqual(await due(store, NOW + 10_000, 10), ['waiting', 'short', 'delayed'])
  })
}
