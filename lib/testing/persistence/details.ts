/**
 * The contract of fields that a store keeps and never reads (publisher, connection, requested filter), and of the
 * optional methods that list and count. Methods that a store does not have are not tested.
 */
import assert from 'node:assert/strict'
import type { MaybePromise, SessionPersistence } from '../../../types/persistence.js'
import { all, BROKER, enqueue, type Harness, message, onlyEntry, policy, saveSessions, to, will } from './harness.js'

type Reopen = (store: SessionPersistence) => MaybePromise<SessionPersistence>

const NOW = 1_900_000_000_000
const DETAILS = {
  username: 'ann',
  address: '::1',
  protocolVersion: 5,
  createdAt: NOW,
  connectedAt: NOW,
  more: { a: [1] },
}
const PUBLISHER = { clientId: 'a', username: 'ann', address: '::1', groups: ['x', 'y'] }

/** Defines them. */
export function defineDetailTests(harness: Harness, reopen: Reopen | undefined): void {
  const restart = async (store: SessionPersistence): Promise<SessionPersistence> => {
    if (reopen === undefined) return store
    const reopened = await reopen(store)
    await reopened.setup(BROKER)
    return reopened
  }

  harness.test('details of a session are kept until others take their place', async store => {
    const session = { clientId: 'a', expiryInterval: 60, expiresAt: undefined }
    await store.saveSession({ ...session, details: DETAILS })
    await store.saveSession({ ...session, expiresAt: NOW })
    assert.deepEqual((await store.openSession('a'))?.details, DETAILS)
    const reopened = await restart(store)
    assert.deepEqual((await reopened.openSession('a'))?.details, DETAILS)
    await reopened.saveSession({ ...session, details: { username: 'bob' } })
    assert.deepEqual((await reopened.openSession('a'))?.details, { username: 'bob' })
    await reopened.deleteSession('a')
    await reopened.saveSession(session)
    assert.equal((await reopened.openSession('a'))?.details, undefined)
    return reopened
  })

  harness.test('a subscription has the filter that was asked for', async store => {
    await saveSessions(store, 'a')
    await store.addSubscriptions({ id: 'a' }, [
      { topic: 'tenant/t', qos: 1, requested: 't' },
      { topic: 'u', qos: 1 },
    ])
    const reopened = await restart(store)
    const { subscriptions } = (await reopened.openSession('a'))!
    const requested = Object.fromEntries(subscriptions.map(({ topic, requested }) => [topic, requested]))
    assert.deepEqual(requested, { 'tenant/t': 't', u: undefined })
    return reopened
  })

  harness.test('queued and retained messages have their publisher and time', async store => {
    await saveSessions(store, 'a')
    const published = message({ topic: 'r', clientId: 'p', username: 'ann', receivedAt: NOW })
    await store.enqueue(published, [to('a')], policy())
    await store.storeRetained({ ...published, retain: true })
    const reopened = await restart(store)
    for (const kept of [(await onlyEntry(reopened, 'a')).message, await reopened.retainedOf('r')]) {
      assert.equal(kept?.clientId, 'p')
      assert.equal(kept?.username, 'ann')
      assert.equal(kept?.receivedAt, NOW)
    }
    return reopened
  })

  harness.test('a will has who left it', async store => {
    await store.saveWill('a', will({ publisher: PUBLISHER }), NOW)
    const reopened = await restart(store)
    const [due] = await reopened.dueWills(NOW, 10)
    assert.deepEqual(due?.will.publisher, PUBLISHER)
    return reopened
  })

  harness.test('sessions can be read page by page, while others come and go', async store => {
    if (store.sessionsAfter === undefined) return store
    const names = Array.from({ length: 120 }, (_, i) => `client-${i}`)
    const others = ['A', 'é', '\uff5e', '😀', 'x'.repeat(2000)]
    await saveSessions(store, ...names, ...others)
    await store.addSubscriptions({ id: 'client-7' }, [{ topic: 't', qos: 1 }])
    const seen: string[] = []
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await store.sessionsAfter(after, 50)
      if (page.length === 0) break
      assert.ok(page.length <= 50)
      seen.push(...page.map(({ clientId }) => clientId))
      for (const session of page) assert.deepEqual(session, await store.openSession(session.clientId))
      await store.deleteSession(page[0]!.clientId)
      await saveSessions(store, `before-${seen.length}`)
    }
    const expected = [...names, ...others].toSorted((one, other) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other)),
    )
    assert.deepEqual(seen, expected)
    return store
  })

  harness.test('it knows how much there is', async store => {
    if (store.counts === undefined) return store
    const { subscriptions, queuedMessages } = store.counts()
    await saveSessions(store, 'a', 'b')
    await store.addSubscriptions({ id: 'a' }, [
      { topic: 't', qos: 1 },
      { topic: 'u', qos: 0 },
    ])
    const sent = message({ payload: Buffer.alloc(100) })
    await store.enqueue(sent, [to('a'), to('b')], policy())
    assert.equal(store.counts().sessions, 2)
    if (subscriptions !== undefined) assert.equal(store.counts().subscriptions, 2)
    if (queuedMessages !== undefined) {
      assert.deepEqual([store.counts().queuedMessages, store.counts().queuedBytes], [1, 100])
    }
    await store.removeSubscriptions({ id: 'a' }, ['u'])
    await store.deleteSession('b')
    if (subscriptions !== undefined) assert.equal(store.counts().subscriptions, 1)
    if (queuedMessages !== undefined) assert.equal(store.counts().queuedMessages, 1)
    await store.deleteSession('a')
    assert.equal(store.counts().sessions, 0)
    if (queuedMessages !== undefined) {
      assert.deepEqual([store.counts().queuedMessages, store.counts().queuedBytes], [0, 0])
    }
    return store
  })

  harness.test('all sessions and all wills can be listed', async store => {
    if (store.sessions === undefined || store.wills === undefined) return
    const names = Array.from({ length: 250 }, (_, i) => `client-${i}`)
    await saveSessions(store, ...names, 'ü'.repeat(2000))
    await store.addSubscriptions({ id: 'client-7' }, [{ topic: 't', qos: 1 }])
    await enqueue(store, 'client-7', 'one')
    for (const name of names) await store.saveWill(name, will(), name === 'client-7' ? undefined : NOW)
    const sessions = await all(store.sessions())
    assert.deepEqual(sessions.map(({ clientId }) => clientId).toSorted(), [...names, 'ü'.repeat(2000)].toSorted())
    const seventh = sessions.find(({ clientId }) => clientId === 'client-7')
    assert.deepEqual(seventh, await store.openSession('client-7'))
    const wills = await all(store.wills())
    assert.deepEqual(wills.map(({ clientId }) => clientId).toSorted(), names.toSorted())
    assert.deepEqual(
      wills.filter(({ dueAt }) => dueAt !== NOW).map(({ clientId }) => clientId),
      ['client-7'],
    )
  })
}
