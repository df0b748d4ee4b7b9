/** The contract of durable stores: after closing and reopening, nothing that was acknowledged is missing. */
import assert from 'node:assert/strict'
import type { MaybePromise, SessionPersistence } from '../../../types/persistence.js'
import {
  all,
  BROKER,
  content,
  enqueue,
  type Harness,
  markSent,
  message,
  payloads,
  policy,
  refOf,
  removeQueued,
  saveSessions,
  to,
  will,
} from './harness.js'

type Reopen = (store: SessionPersistence) => MaybePromise<SessionPersistence>

const NOW = 1_900_000_000_000

/** Defines them. */
export function defineDurabilityTests(harness: Harness, reopen: Reopen): void {
  const restart = async (store: SessionPersistence): Promise<SessionPersistence> => {
    const reopened = await reopen(store)
    await reopened.setup(BROKER)
    return reopened
  }

  harness.test('sessions survive a restart', async store => {
    await store.saveSession({ clientId: 'a', expiryInterval: 60, expiresAt: NOW })
    await store.addSubscriptions({ id: 'a' }, [{ topic: 't/#', qos: 1, nl: true, rap: true, rh: 1 }])
    await store.addSubscriptions({ id: 'a' }, [{ topic: '$share/g/t', qos: 1, subscriptionIdentifier: 3 }])
    await store.addIncoming('a', 7)
    await saveSessions(store, 'deleted', 'connected')
    await store.deleteSession('deleted')
    const before = await store.openSession('a')
    const reopened = await restart(store)
    assert.deepEqual(await reopened.openSession('a'), before)
    assert.equal(await reopened.openSession('deleted'), undefined)
    assert.deepEqual(
      (await reopened.subscriptionsByTopic('t/x')).map(({ clientId }) => clientId),
      ['a'],
    )
    assert.equal((await all(reopened.sharedSubscriptions())).length, 1)
    assert.deepEqual(await reopened.expiredSessions(NOW, 10), ['a'])
    await reopened.recover(NOW)
    assert.equal((await reopened.openSession('connected'))?.expiresAt, NOW + 3_600_000)
    return reopened
  })

  harness.test('queues survive a restart, in order and with their progress', async store => {
    await saveSessions(store, 'a', 'b')
    const [released, sent] = await enqueue(store, 'a', 'one', 'two', 'three')
    const shared = message({ messageExpiry: NOW, properties: { correlationData: Buffer.from([1]) } })
    await store.enqueue(shared, [to('a', { subscriptionIdentifiers: [4] }), to('b')], policy())
    await markSent(store, 'a', released!, 1)
    await store.markReleased('a', refOf(released!), 1)
    await markSent(store, 'a', sent!, 2)
    const reopened = await restart(store)
    assert.deepEqual(await payloads(reopened, 'a'), [undefined, 'two', 'three', 'payload'])
    const entries = await all(reopened.queued('a'))
    assert.deepEqual(
      entries.map(({ packetId }) => packetId),
      [1, 2, undefined, undefined],
    )
    assert.deepEqual(content(entries[3]!.message!), content(shared))
    assert.deepEqual(entries[3]!.delivery.subscriptionIdentifiers, [4])
    assert.deepEqual(await reopened.queueSize('a'), { messages: 4, bytes: 16 })
    await enqueue(reopened, 'a', 'after')
    assert.deepEqual(await payloads(reopened, 'a'), [undefined, 'two', 'three', 'payload', 'after'])
    assert.equal((await reopened.sweep(NOW, 10)).dropped.length, 2)
    assert.deepEqual(await payloads(reopened, 'b'), [])
    return reopened
  })

  harness.test('limits count what was there before a restart', async store => {
    await saveSessions(store, 'a', 'b')
    const held = message({ payload: Buffer.from('12345678') })
    await store.enqueue(held, [to('a'), to('b')], policy())
    const reopened = await restart(store)
    const limits = policy({ overflow: 'reject' }, 10)
    const next = message({ payload: Buffer.from('123') })
    await assert.rejects(async () => await reopened.enqueue(next, [to('a')], limits), { code: 'ANAX_ERR_QUOTA' })
    await reopened.deleteSession('a')
    await removeQueued(reopened, 'b', held)
    assert.equal(await reopened.enqueue(next, [to('b')], limits), undefined)
    return reopened
  })

  harness.test('retained messages survive a restart', async store => {
    const messageExpiry = Date.now() + 60_000
    for (const topic of ['a', 'b', 'c']) await store.storeRetained(message({ topic, retain: true, messageExpiry }))
    await store.storeRetained(message({ topic: 'b', retain: true, payload: Buffer.alloc(0) }))
    const before = (await all(store.retained(['#']))).map(content)
    const reopened = await restart(store)
    assert.deepEqual((await all(reopened.retained(['#']))).map(content), before)
    assert.deepEqual([reopened.retainedCount, reopened.retainedBytes], [2, 14])
    assert.equal(reopened.nextDeadline(), messageExpiry)
    return reopened
  })

  harness.test('wills survive a restart', async store => {
    await saveSessions(store, 'connected')
    await store.saveWill('connected', will({ properties: { willDelayInterval: 10 } }), undefined)
    await store.saveWill('waiting', will(), NOW + 1)
    await store.saveWill('published', will(), NOW)
    await store.deleteWill('published')
    const reopened = await restart(store)
    await reopened.recover(NOW)
    assert.deepEqual(
      (await reopened.dueWills(NOW + 10_000, 10)).map(({ clientId }) => clientId),
      ['waiting', 'connected'],
    )
    assert.equal((await reopened.dueWills(NOW + 1, 10))[0]?.will.payload.toString(), 'bye')
    return reopened
  })
}
