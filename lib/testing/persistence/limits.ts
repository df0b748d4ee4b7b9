/** The contract of limits: what happens to messages when a queue or the store is full, and when they expire. */
import assert from 'node:assert/strict'
import type { DroppedMessage, OverflowPolicy, RetainedLimits, SessionPersistence } from '../../../types/persistence.js'
import {
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
} from './harness.js'

const NOW = Date.now()

/** Each loss: the client, the message, the reason. */
function losses(dropped: readonly DroppedMessage[] | undefined): string[] {
  return (dropped ?? []).map(each => `${each.clientId} ${each.message.payload} ${each.reason}`)
}

function isQuotaError(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ANAX_ERR_QUOTA'
}

async function add(
  store: SessionPersistence,
  payload: string,
  clientIds: string[],
  limits: ReturnType<typeof policy>,
): Promise<string[]> {
  const deliveries = clientIds.map(clientId => to(clientId))
  return losses(await store.enqueue(message({ payload: Buffer.from(payload) }), deliveries, limits))
}

/** Defines them. */
export function defineLimitTests(harness: Harness): void {
  defineQueueLimitTests(harness)
  defineStoreLimitTests(harness)
  defineRetainedLimitTests(harness)
  defineExpiryTests(harness)
}

function defineQueueLimitTests(harness: Harness): void {
  for (const limit of [{ maxMessages: 2 }, { maxBytes: 7 }]) {
    const name = Object.keys(limit).join()
    harness.test(`drop-newest at ${name} drops what arrives`, async store => {
      await saveSessions(store, 'a', 'b')
      await enqueue(store, 'a', 'one', 'two')
      const limits = policy({ ...limit, overflow: 'drop-newest' })
      assert.deepEqual(await add(store, 'three', ['a', 'b'], limits), ['a three queue-full'])
      assert.deepEqual(await payloads(store, 'a'), ['one', 'two'])
      assert.deepEqual(await payloads(store, 'b'), ['three'])
    })

    harness.test(`drop-oldest at ${name} drops the oldest that was not sent`, async store => {
      await saveSessions(store, 'a')
      const [first] = await enqueue(store, 'a', 'one', 'two')
      await markSent(store, 'a', first!, 1)
      const limits = policy({ ...limit, overflow: 'drop-oldest' })
      assert.deepEqual(await add(store, 'six', ['a'], limits), ['a two queue-full'])
      assert.deepEqual(await payloads(store, 'a'), ['one', 'six'])
    })

    harness.test(`reject at ${name} throws, and no queue has the message`, async store => {
      await saveSessions(store, 'a', 'b')
      await enqueue(store, 'a', 'one', 'two')
      const limits = policy({ ...limit, overflow: 'reject' })
      await assert.rejects(add(store, 'three', ['b', 'a'], limits), isQuotaError)
      assert.deepEqual(await payloads(store, 'a'), ['one', 'two'])
      assert.deepEqual(await payloads(store, 'b'), [])
    })
  }

  harness.test('properties of any length count as the payload does', async store => {
    await saveSessions(store, 'a', 'b')
    const properties = {
      contentType: 'xü',
      responseTopic: 'r',
      correlationData: Buffer.alloc(3),
      userProperties: { k: ['v', 'w'], empty: '' },
    }
    const wordy = message({ payload: Buffer.from('one'), properties })
    const bytes = 3 + 3 + 1 + 3 + 6 * 2 + 'kvkwempty'.length
    assert.equal(await store.enqueue(wordy, [to('a'), to('b')], policy({ maxBytes: bytes })), undefined)
    assert.deepEqual(await store.queueSize('a'), { messages: 1, bytes })
    const lost = await store.enqueue(message({ properties }), [to('a')], policy({}, bytes + 26))
    assert.deepEqual(losses(lost), ['a payload store-full'])
    await store.deleteSession('b')
    await markSent(store, 'a', wordy, 1)
    await store.markReleased('a', refOf(wordy), 1)
    assert.deepEqual(await store.queueSize('a'), { messages: 1, bytes: 0 })
    assert.deepEqual(await add(store, '1', ['a'], policy({ overflow: 'reject' }, 1)), [])
  })

  harness.test('drop-oldest drops as many as it takes', async store => {
    await saveSessions(store, 'a')
    await enqueue(store, 'a', '111', '222', '333')
    const limits = policy({ maxBytes: 9, overflow: 'drop-oldest' })
    assert.deepEqual(await add(store, '4444', ['a'], limits), ['a 111 queue-full', 'a 222 queue-full'])
    assert.deepEqual(await payloads(store, 'a'), ['333', '4444'])
  })

  harness.test('drop-oldest drops what arrives where nothing else can go', async store => {
    await saveSessions(store, 'a')
    const [only] = await enqueue(store, 'a', 'one')
    const limits = policy({ maxMessages: 1, maxBytes: 5, overflow: 'drop-oldest' })
    assert.deepEqual(await add(store, 'too long', ['a'], limits), ['a too long queue-full'])
    await markSent(store, 'a', only!, 1)
    assert.deepEqual(await add(store, 'two', ['a'], limits), ['a two queue-full'])
    assert.deepEqual(await payloads(store, 'a'), ['one'])
  })

  harness.test('drop-oldest drops nothing old where what was sent leaves no room anyway', async store => {
    await saveSessions(store, 'a')
    const [sent] = await enqueue(store, 'a', '666666', '1')
    await markSent(store, 'a', sent!, 1)
    const limits = policy({ maxBytes: 7, overflow: 'drop-oldest' })
    assert.deepEqual(await add(store, '22', ['a'], limits), ['a 22 queue-full'])
    assert.deepEqual(await payloads(store, 'a'), ['666666', '1'])
    await store.markReleased('a', refOf(sent!), 1)
    assert.deepEqual(await add(store, '7777777', ['a'], limits), ['a 1 queue-full'])
    assert.deepEqual(await payloads(store, 'a'), [undefined, '7777777'])
    await removeQueued(store, 'a', sent!, 1)
    assert.deepEqual(await add(store, '55', ['a'], policy({ maxMessages: 1, overflow: 'drop-oldest' })), [
      'a 7777777 queue-full',
    ])
  })

  harness.test('each session has its own limits', async store => {
    await saveSessions(store, 'small', 'large')
    const limitsOf = (clientId: string) => policy({ maxMessages: clientId === 'small' ? 1 : 2 }).limitsOf(clientId)
    const limits = { limitsOf, maxTotalBytes: Number.MAX_SAFE_INTEGER }
    await add(store, 'one', ['small', 'large'], limits)
    assert.deepEqual(await add(store, 'two', ['small', 'large'], limits), ['small two queue-full'])
    assert.deepEqual(await payloads(store, 'large'), ['one', 'two'])
  })
}

function defineStoreLimitTests(harness: Harness): void {
  const limits = (overflow: OverflowPolicy) => policy({ overflow }, 10)

  harness.test('a payload counts once, however many queues hold it, until the last one lets go', async store => {
    await saveSessions(store, 'a', 'b', 'c')
    const held = message({ payload: Buffer.from('12345678') })
    await store.enqueue(held, [to('a'), to('b')], limits('reject'))
    await assert.rejects(add(store, '123', ['c'], limits('reject')), isQuotaError)
    assert.deepEqual(await add(store, '12', ['a', 'b', 'c'], limits('reject')), [])
    await removeQueued(store, 'a', held)
    await assert.rejects(add(store, '123', ['c'], limits('reject')), isQuotaError)
    await markSent(store, 'b', held, 1)
    await store.markReleased('b', refOf(held), 1)
    assert.deepEqual(await add(store, '12345678', ['c'], limits('reject')), [])
    await store.deleteSession('c')
    assert.deepEqual(await add(store, '12345678', ['a'], limits('reject')), [])
  })

  harness.test('a full store drops by the policy of each session', async store => {
    await saveSessions(store, 'a', 'b')
    await add(store, '12345678', ['a'], limits('drop-newest'))
    assert.deepEqual(await add(store, '333', ['b'], limits('drop-newest')), ['b 333 store-full'])
    assert.deepEqual(await add(store, '333', ['b'], limits('drop-oldest')), ['b 333 store-full'])
    assert.deepEqual(await add(store, '333', ['a'], limits('drop-oldest')), ['a 12345678 store-full'])
    assert.deepEqual(await payloads(store, 'a'), ['333'])
  })

  harness.test('a full store drops nothing old where that makes no room: others hold it as well', async store => {
    await saveSessions(store, 'a', 'b')
    const shared = message({ payload: Buffer.from('12345678') })
    await store.enqueue(shared, [to('a'), to('b')], policy())
    assert.deepEqual(await add(store, '333', ['a'], limits('drop-oldest')), ['a 333 store-full'])
    assert.deepEqual(await payloads(store, 'a'), ['12345678'])
    await add(store, '22', ['a'], limits('drop-oldest'))
    assert.deepEqual(await add(store, '33', ['a'], limits('drop-oldest')), ['a 22 store-full'])
    assert.deepEqual(await payloads(store, 'a'), ['12345678', '33'])
  })

  harness.test(
    'a full store takes a message for many at the price of the oldest that they have in common',
    async store => {
      const clientIds = ['a', 'b', 'c', 'd']
      await saveSessions(store, ...clientIds)
      for (const payload of ['1111', '2222']) await add(store, payload, clientIds, policy())
      const lost = await add(store, '3333', clientIds, limits('drop-oldest'))
      assert.deepEqual(
        lost.sort(),
        clientIds.map(clientId => `${clientId} 1111 store-full`),
      )
      for (const clientId of clientIds) assert.deepEqual(await payloads(store, clientId), ['2222', '3333'])
    },
  )
}

/** Stores a retained message if the store accepts it within these limits. @returns whether it did */
async function retain(
  store: SessionPersistence,
  topic: string,
  text: string,
  limits: Partial<RetainedLimits>,
): Promise<'kept' | 'refused'> {
  const each = message({ topic, payload: Buffer.from(text), retain: true })
  try {
    store.checkRetained(each, { maxMessages: Infinity, maxBytes: Infinity, ...limits })
  } catch (error) {
    assert.ok(isQuotaError(error))
    return 'refused'
  }
  await store.storeRetained(each)
  return 'kept'
}

function defineRetainedLimitTests(harness: Harness): void {
  harness.test('retained messages are at most so many; one that replaces another is none more', async store => {
    const limits = { maxMessages: 2 }
    assert.equal(await retain(store, 'a', '1', limits), 'kept')
    assert.equal(await retain(store, 'b', '1', limits), 'kept')
    assert.equal(await retain(store, 'c', '1', limits), 'refused')
    assert.equal(await retain(store, 'b', '2', limits), 'kept')
    assert.equal(await retain(store, 'a', '', limits), 'kept')
    assert.equal(await retain(store, 'c', '1', limits), 'kept')
    assert.equal(store.retainedCount, 2)
  })

  harness.test('retained messages have so many bytes together; a replaced one does not count', async store => {
    const limits = { maxBytes: 10 }
    assert.equal(await retain(store, 'a', '12345', limits), 'kept')
    assert.equal(await retain(store, 'b', '12345', limits), 'kept')
    assert.equal(await retain(store, 'c', '1', limits), 'refused')
    assert.equal(await retain(store, 'a', '123456', limits), 'refused')
    assert.equal(await retain(store, 'a', '1234', limits), 'kept')
    assert.equal(await retain(store, 'c', '1', limits), 'kept')
    assert.equal(store.retainedBytes, 10)
  })

  harness.test('retained messages count as soon as storing them has begun', async store => {
    const limits = { maxMessages: 2, maxBytes: 6 }
    const outcomes = ['a', 'b', 'c', 'a'].map(topic => retain(store, topic, '123', limits))
    assert.deepEqual(await Promise.all(outcomes), ['kept', 'kept', 'refused', 'kept'])
    assert.deepEqual([store.retainedCount, store.retainedBytes], [2, 6])
  })

  harness.test('no retained messages at all is a limit, too: then they can be removed only', async store => {
    await store.storeRetained(message({ topic: 'a', retain: true }))
    assert.equal(await retain(store, 'b', '1', { maxMessages: 0 }), 'refused')
    assert.equal(await retain(store, 'a', '', { maxMessages: 0 }), 'kept')
    assert.equal(store.retainedCount, 0)
  })
}

function defineExpiryTests(harness: Harness): void {
  harness.test('a sweep removes what has expired, step by step', async store => {
    await saveSessions(store, 'a', 'b')
    for (const [payload, messageExpiry] of [
      ['third', NOW - 1],
      ['first', NOW - 3],
      ['second', NOW - 2],
      ['later', NOW + 60_000],
      ['never', undefined],
    ] as const) {
      await store.enqueue(message({ payload: Buffer.from(payload), messageExpiry }), [to('a')], policy())
    }
    await store.storeRetained(message({ topic: 'gone', retain: true, messageExpiry: NOW - 1 }))
    await store.storeRetained(message({ topic: 'stays', retain: true, messageExpiry: NOW + 60_000 }))
    const [queued, retained]: [string[], string[]] = [[], []]
    for (let more = true; more; ) {
      const step = await store.sweep(NOW, 2)
      assert.ok(step.dropped.length + step.retained.length <= 2)
      queued.push(...losses(step.dropped))
      retained.push(...step.retained.map(({ topic }) => topic))
      more = step.more
    }
    assert.deepEqual(queued.sort(), ['a first expired', 'a second expired', 'a third expired'])
    assert.deepEqual(retained, ['gone'])
    assert.deepEqual(await payloads(store, 'a'), ['later', 'never'])
    assert.deepEqual(await store.queueSize('a'), { messages: 2, bytes: 10 })
    assert.equal(store.retainedCount, 1)
    assert.deepEqual(await store.sweep(NOW, 2), { dropped: [], retained: [], more: false })
  })

  harness.test('a message expires in every queue that holds it, unless it was sent', async store => {
    await saveSessions(store, 'a', 'b', 'c')
    const expiring = message({ messageExpiry: NOW - 1 })
    await store.enqueue(expiring, [to('a'), to('b'), to('c')], policy())
    await markSent(store, 'b', expiring, 1)
    const { dropped } = await store.sweep(NOW, 10)
    assert.deepEqual(losses(dropped).sort(), ['a payload expired', 'c payload expired'])
    assert.deepEqual(await payloads(store, 'b'), ['payload'])
    assert.equal(store.nextDeadline(), undefined)
  })

  harness.test('what was removed before its time does not expire', async store => {
    await saveSessions(store, 'a')
    for (let i = 0; i < 200; i++) {
      const expiring = message({ messageExpiry: NOW + 1 })
      await store.enqueue(expiring, [to('a')], policy())
      if (i !== 100) await removeQueued(store, 'a', expiring)
    }
    assert.equal(store.nextDeadline(), NOW + 1)
    assert.equal((await store.sweep(NOW + 1, 500)).dropped.length, 1)
  })
}
