/** The contract of sessions: lifetime, deadlines, recovery, subscriptions, incoming packet ids. */
import assert from 'node:assert/strict'
import type { SessionPersistence, StoredSubscription } from '../../../types/persistence.js'
import { all, enqueue, type Harness, message, payloads, policy, saveSessions, to, will } from './harness.js'

const NOW = 1_900_000_000_000
const NEVER = 0xffff_ffff
const ODD_IDS = ['', ' ', 'a', 'ab', 'a/b', 'a:b', '__proto__', 'a\u0001', '\uffff', 'ü', 'x'.repeat(300)]

function byTopic<T extends { topic: string }>(list: readonly T[]): T[] {
  return [...list].sort((left, right) => (left.topic < right.topic ? -1 : 1))
}

async function topicsOf(store: SessionPersistence, clientId: string): Promise<string[]> {
  const subscriptions = (await store.subscriptionsByClient({ id: clientId })) ?? []
  return subscriptions.map(({ topic }) => topic).sort()
}

/** Defines them. */
export function defineSessionTests(harness: Harness): void {
  defineLifeTests(harness)
  defineDeadlineTests(harness)
  defineSubscriptionTests(harness)
}

function defineLifeTests(harness: Harness): void {
  harness.test('a session that was not saved cannot be opened', async store => {
    assert.equal(await store.openSession('a'), undefined)
  })

  harness.test('a session is opened as it was saved', async store => {
    await store.saveSession({ clientId: 'a', expiryInterval: 60, expiresAt: NOW })
    const session = await store.openSession('a')
    assert.deepEqual(session, {
      clientId: 'a',
      expiryInterval: 60,
      expiresAt: NOW,
      subscriptions: [],
      incoming: [],
    })
  })

  harness.test('saving a session again changes its expiry and nothing else', async store => {
    await store.saveSession({ clientId: 'a', expiryInterval: 60, expiresAt: NOW })
    await store.addSubscriptions({ id: 'a' }, [{ topic: 't', qos: 1 }])
    await store.addIncoming('a', 7)
    await enqueue(store, 'a', 'one')
    await store.saveSession({ clientId: 'a', expiryInterval: NEVER, expiresAt: undefined })
    const session = await store.openSession('a')
    assert.equal(session?.expiryInterval, NEVER)
    assert.equal(session?.expiresAt, undefined)
    assert.deepEqual(session?.incoming, [7])
    assert.deepEqual(await topicsOf(store, 'a'), ['t'])
    assert.deepEqual(await payloads(store, 'a'), ['one'])
  })

  harness.test('a session ends with all that belongs to it, except the will', async store => {
    await saveSessions(store, 'a', 'ab')
    for (const id of ['a', 'ab']) {
      await store.addSubscriptions({ id }, [{ topic: 't/#', qos: 1 }])
      await store.addIncoming(id, 7)
      await enqueue(store, id, 'one')
      await store.saveWill(id, will(), undefined)
    }
    await store.deleteSession('a')
    await store.deleteSession('never was')
    assert.equal(await store.openSession('a'), undefined)
    assert.deepEqual(await payloads(store, 'a'), [])
    assert.deepEqual(await topicsOf(store, 'a'), [])
    assert.ok(await store.getWill({ id: 'a' }))
    assert.deepEqual(
      (await store.subscriptionsByTopic('t/x')).map(each => each.clientId),
      ['ab'],
    )
    assert.deepEqual((await store.openSession('ab'))?.incoming, [7])
    await saveSessions(store, 'a')
    const session = await store.openSession('a')
    assert.deepEqual([session?.subscriptions, session?.incoming], [[], []])
    assert.deepEqual(await payloads(store, 'a'), [])
  })

  harness.test('client ids are kept apart, whatever is in them', async store => {
    await saveSessions(store, ...ODD_IDS)
    for (const id of ODD_IDS) {
      await store.addSubscriptions({ id }, [{ topic: `t/${id.length}`, qos: 1 }])
      await enqueue(store, id, id)
    }
    for (const id of ODD_IDS) {
      assert.deepEqual(await topicsOf(store, id), [`t/${id.length}`])
      assert.deepEqual(await payloads(store, id), [id])
    }
    for (const [i, id] of ODD_IDS.entries()) {
      await store.deleteSession(id)
      for (const other of ODD_IDS.slice(i + 1)) assert.deepEqual(await payloads(store, other), [other])
    }
  })

  harness.test('incoming packet ids are noted once and forgotten once', async store => {
    await saveSessions(store, 'a')
    for (const packetId of [1, 65_535, 1, 2]) await store.addIncoming('a', packetId)
    await store.removeIncoming('a', 2)
    await store.removeIncoming('a', 3)
    await store.removeIncoming('never was', 1)
    const session = await store.openSession('a')
    assert.deepEqual(
      [...(session?.incoming ?? [])].sort((x, y) => x - y),
      [1, 65_535],
    )
  })
}

function defineDeadlineTests(harness: Harness): void {
  harness.test('expired sessions come earliest first, no more than asked for, until they are deleted', async store => {
    const deadlines = { late: NOW + 2, first: NOW - 5, second: NOW - 3, exact: NOW }
    for (const [clientId, expiresAt] of Object.entries(deadlines)) {
      await store.saveSession({ clientId, expiryInterval: 1, expiresAt })
    }
    assert.deepEqual(await store.expiredSessions(NOW, 10), ['first', 'second', 'exact'])
    assert.deepEqual(await store.expiredSessions(NOW, 2), ['first', 'second'])
    await store.deleteSession('first')
    assert.deepEqual(await store.expiredSessions(NOW, 1), ['second'])
  })

  harness.test('a session that is connected again has no deadline', async store => {
    await store.saveSession({ clientId: 'a', expiryInterval: 1, expiresAt: NOW })
    await store.saveSession({ clientId: 'a', expiryInterval: 1, expiresAt: undefined })
    assert.deepEqual(await store.expiredSessions(NOW, 10), [])
    assert.equal(store.nextDeadline(), undefined)
    await store.saveSession({ clientId: 'a', expiryInterval: 1, expiresAt: NOW })
    assert.deepEqual(await store.expiredSessions(NOW, 10), ['a'])
  })

  harness.test('the next deadline is the earliest of sessions, wills and messages', async store => {
    assert.equal(store.nextDeadline(), undefined)
    await store.saveSession({ clientId: 'a', expiryInterval: 1, expiresAt: NOW + 4 })
    assert.equal(store.nextDeadline(), NOW + 4)
    await store.saveWill('a', will(), NOW + 3)
    assert.equal(store.nextDeadline(), NOW + 3)
    await store.enqueue(message({ messageExpiry: NOW + 2 }), [to('a')], policy())
    assert.equal(store.nextDeadline(), NOW + 2)
    await store.storeRetained(message({ retain: true, messageExpiry: NOW + 1 }))
    assert.equal(store.nextDeadline(), NOW + 1)
    await store.storeRetained(message({ retain: true, payload: Buffer.alloc(0) }))
    await store.deleteWill('a')
    assert.equal(store.nextDeadline(), NOW + 2)
    await store.deleteSession('a')
    assert.equal(store.nextDeadline(), undefined)
  })

  harness.test('recovery gives a deadline to what was left as connected', async store => {
    await store.saveSession({ clientId: 'connected', expiryInterval: 10, expiresAt: undefined })
    await store.saveSession({ clientId: 'ended', expiryInterval: 0, expiresAt: undefined })
    await store.saveSession({ clientId: 'away', expiryInterval: 10, expiresAt: NOW + 1 })
    await store.saveSession({ clientId: 'forever', expiryInterval: NEVER, expiresAt: undefined })
    await store.recover(NOW)
    assert.equal((await store.openSession('connected'))?.expiresAt, NOW + 10_000)
    assert.equal((await store.openSession('away'))?.expiresAt, NOW + 1)
    assert.equal((await store.openSession('forever'))?.expiresAt, undefined)
    assert.deepEqual(await store.expiredSessions(NOW, 10), ['ended'])
    assert.deepEqual(await store.expiredSessions(NOW + 1e12, 10), ['ended', 'away', 'connected'])
  })
}

function defineSubscriptionTests(harness: Harness): void {
  harness.test('subscriptions come back with all their options', async store => {
    const subscriptions: StoredSubscription[] = [
      { topic: 'a/+', qos: 2, nl: true, rap: true, rh: 2, subscriptionIdentifier: 268_435_455 },
      { topic: 'b', qos: 0, nl: false, rap: false, rh: 0 },
    ]
    await saveSessions(store, 'a')
    await store.addSubscriptions({ id: 'a' }, subscriptions)
    assert.deepEqual(byTopic((await store.openSession('a'))?.subscriptions ?? []), subscriptions)
    assert.deepEqual(byTopic((await store.subscriptionsByClient({ id: 'a' })) ?? []), subscriptions)
    const replaced: StoredSubscription = { topic: 'a/+', qos: 1, nl: false, rap: false, rh: 1 }
    await store.addSubscriptions({ id: 'a' }, [replaced])
    assert.deepEqual(byTopic((await store.openSession('a'))?.subscriptions ?? [])[0], replaced)
    await store.removeSubscriptions({ id: 'a' }, ['a/+', 'never was'])
    assert.deepEqual(await topicsOf(store, 'a'), ['b'])
  })

  harness.test('a session outlives its subscriptions', async store => {
    await saveSessions(store, 'a')
    await store.addSubscriptions({ id: 'a' }, [{ topic: 't', qos: 1 }])
    await store.removeSubscriptions({ id: 'a' }, ['t'])
    assert.ok(await store.openSession('a'))
    await store.cleanSubscriptions({ id: 'a' })
    assert.ok(await store.openSession('a'))
  })

  harness.test('a topic finds the filters that match it, with QoS above 0', async store => {
    const filters = ['x', 'x/#', '+', '#', 'y', '$SYS/#', '+/#', 'x/y']
    await saveSessions(store, 'a')
    await store.addSubscriptions(
      { id: 'a' },
      filters.map(topic => ({ topic, qos: 1 as const })),
    )
    await store.addSubscriptions({ id: 'a' }, [{ topic: '+/y', qos: 0 }])
    const found = async (topic: string) => (await store.subscriptionsByTopic(topic)).map(each => each.topic).sort()
    assert.deepEqual(await found('x'), ['#', '+', '+/#', 'x', 'x/#'])
    assert.deepEqual(await found('x/y'), ['#', '+/#', 'x/#', 'x/y'])
    assert.deepEqual(await found('$SYS/y'), ['$SYS/#'])
    await store.removeSubscriptions({ id: 'a' }, ['#'])
    assert.deepEqual(await found('x/y'), ['+/#', 'x/#', 'x/y'])
  })

  harness.test('shared subscriptions are listed, and found by no topic', async store => {
    await saveSessions(store, 'a', 'b')
    await store.addSubscriptions({ id: 'a' }, [{ topic: '$share/g/t', qos: 1, subscriptionIdentifier: 3 }])
    await store.addSubscriptions({ id: 'b' }, [
      { topic: '$share/g/t', qos: 0 },
      { topic: 't', qos: 2 },
    ])
    assert.deepEqual(
      (await store.subscriptionsByTopic('t')).map(each => each.clientId),
      ['b'],
    )
    assert.deepEqual(await store.subscriptionsByTopic('$share/g/t'), [])
    const shared = await all(store.sharedSubscriptions())
    const seen = shared.map(each => [each.clientId, each.topic, each.qos, each.subscriptionIdentifier])
    assert.deepEqual(seen.sort(), [
      ['a', '$share/g/t', 1, 3],
      ['b', '$share/g/t', 0, undefined],
    ])
    await store.removeSubscriptions({ id: 'a' }, ['$share/g/t'])
    await store.deleteSession('b')
    assert.deepEqual(await all(store.sharedSubscriptions()), [])
  })
}
