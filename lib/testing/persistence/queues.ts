/** The contract of queues: order, identity, states of an entry. */
import assert from 'node:assert/strict'
import type { Message } from '../../../types/message/message.js'
import {
  all,
  content,
  enqueue,
  type Harness,
  markSent,
  message,
  onlyEntry,
  payloads,
  policy,
  refOf,
  removeQueued,
  saveSessions,
  to,
} from './harness.js'

/** Defines them. */
export function defineQueueTests(harness: Harness): void {
  defineContentTests(harness)
  defineIdentityTests(harness)
  defineProgressTests(harness)
}

function defineContentTests(harness: Harness): void {
  harness.test('a queue keeps its order', async store => {
    await saveSessions(store, 'a')
    const expected = Array.from({ length: 300 }, (_, i) => `${i}`)
    await enqueue(store, 'a', ...expected)
    assert.deepEqual(await payloads(store, 'a'), expected)
    assert.deepEqual(await payloads(store, 'never was'), [])
  })

  harness.test('a message comes back as it was published, beside what each session makes of it', async store => {
    await saveSessions(store, 'a', 'b')
    const published = message({
      qos: 2,
      retain: true,
      topic: 't/ü',
      payload: Buffer.from([0, 255, 128, 10]),
      messageExpiry: Date.now() + 60_000,
      properties: {
        contentType: 'text/plain',
        correlationData: Buffer.from([1, 2, 0]),
        payloadFormatIndicator: true,
        responseTopic: 'r',
        messageExpiryInterval: 60,
        userProperties: { k: ['v', 'w'], __proto: 'x' },
      },
    })
    const expected = content(published)
    const deliveries = [
      to('a', { qos: 1, retain: true, subscriptionIdentifiers: [3, 1] }),
      to('b', { qos: 0, share: '$share/g/t/+' }),
    ]
    assert.equal(await store.enqueue(published, deliveries, policy()), undefined)
    for (const delivery of deliveries) {
      const entry = await onlyEntry(store, delivery.clientId)
      assert.deepEqual(content(entry.message as Message), expected)
      assert.deepEqual({ ...entry.delivery }, delivery)
      assert.deepEqual(refOf(entry.ref), refOf(published))
      assert.equal(entry.packetId, undefined)
    }
  })

  harness.test('a message is copied: what its owner does to it afterwards does not matter', async store => {
    await saveSessions(store, 'a')
    const published = message({ properties: { contentType: 'before' } })
    const expected = { ...content(published), properties: { contentType: 'before' } }
    await store.enqueue(published, [to('a')], policy())
    Object.assign(published, { topic: 'changed', qos: 0, retain: true, messageId: 9, dup: true })
    Object.assign(published.properties ?? {}, { contentType: 'after', topicAlias: 1 })
    const entry = await onlyEntry(store, 'a')
    assert.deepEqual(content(entry.message as Message), expected)
  })

  harness.test('a queue knows its number of messages and its bytes', async store => {
    await saveSessions(store, 'a')
    assert.deepEqual(await store.queueSize('a'), { messages: 0, bytes: 0 })
    assert.deepEqual(await store.queueSize('never was'), { messages: 0, bytes: 0 })
    const [first] = await enqueue(store, 'a', 'four', 'sixsix', '')
    assert.deepEqual(await store.queueSize('a'), { messages: 3, bytes: 10 })
    await removeQueued(store, 'a', first!)
    assert.deepEqual(await store.queueSize('a'), { messages: 2, bytes: 6 })
  })
}

function defineIdentityTests(harness: Harness): void {
  harness.test('nothing is queued for a session that there is not', async store => {
    assert.equal(await store.enqueue(message(), [to('a')], policy()), undefined)
    await saveSessions(store, 'a')
    assert.deepEqual(await payloads(store, 'a'), [])
  })

  harness.test('a message is in a queue once', async store => {
    await saveSessions(store, 'a', 'b')
    const twice = message()
    await store.enqueue(twice, [to('a')], policy())
    await store.enqueue(twice, [to('a'), to('b')], policy())
    assert.equal((await store.queueSize('a')).messages, 1)
    assert.equal((await store.queueSize('b')).messages, 1)
  })

  harness.test('messages are told apart by broker and number', async store => {
    await saveSessions(store, 'a')
    const refs = [
      { brokerId: 'x', brokerCounter: 1 },
      { brokerId: 'y', brokerCounter: 1 },
      { brokerId: 'y 1', brokerCounter: 1 },
      { brokerId: 'x', brokerCounter: Number.MAX_SAFE_INTEGER },
      { brokerId: 'y', brokerCounter: 2 ** 32 },
      { brokerId: 'y', brokerCounter: 0 },
    ]
    for (const ref of refs) await store.enqueue(message(ref), [to('a')], policy())
    assert.deepEqual(
      (await all(store.queued('a'))).map(entry => refOf(entry.ref)),
      refs,
    )
    await removeQueued(store, 'a', refs[1]!)
    await removeQueued(store, 'a', refs[3]!)
    const left = [refs[0], refs[2], refs[4], refs[5]]
    assert.deepEqual(
      (await all(store.queued('a'))).map(entry => refOf(entry.ref)),
      left,
    )
  })
}

function defineProgressTests(harness: Harness): void {
  harness.test('a message that was sent keeps its place and has its packet id', async store => {
    await saveSessions(store, 'a')
    const [first, second] = await enqueue(store, 'a', 'one', 'two', 'three')
    await markSent(store, 'a', second!, 65_535)
    await markSent(store, 'a', first!, 1)
    await markSent(store, 'a', first!, 2)
    assert.deepEqual(
      (await all(store.queued('a'))).map(entry => entry.packetId),
      [2, 65_535, undefined],
    )
    assert.deepEqual(await payloads(store, 'a'), ['one', 'two', 'three'])
  })

  harness.test('what was sent and not removed is in flight, in order', async store => {
    await saveSessions(store, 'a', 'b')
    const [first, second, third, fourth] = await enqueue(store, 'a', 'one', 'two', 'three', 'four', 'five')
    const inflight = async () => (await all(store.inflight('a'))).map(({ packetId }) => packetId)
    assert.deepEqual(await inflight(), [])
    // a message may be sent while an earlier one is still on the bus
    await markSent(store, 'a', fourth!, 4)
    await markSent(store, 'a', second!, 2)
    await markSent(store, 'a', first!, 1)
    assert.deepEqual(await inflight(), [1, 2, 4])
    await store.markReleased('a', refOf(second!), 2)
    await removeQueued(store, 'a', first!, 1)
    await removeQueued(store, 'a', third!)
    assert.deepEqual(await inflight(), [2, 4])
    const [released, sent] = await all(store.inflight('a'))
    assert.deepEqual([released?.message, refOf(released!.ref)], [undefined, refOf(second!)])
    assert.deepEqual([sent?.message?.payload.toString(), sent?.delivery.clientId], ['four', 'a'])
    assert.deepEqual([await all(store.inflight('b')), await all(store.inflight('never was'))], [[], []])
  })

  harness.test('a released message leaves its place and its packet id, not its bytes', async store => {
    await saveSessions(store, 'a')
    const [first] = await enqueue(store, 'a', 'one', 'two')
    await markSent(store, 'a', first!, 7)
    await store.markReleased('a', refOf(first!), 7)
    await store.markReleased('a', refOf(first!), 7)
    assert.deepEqual(await payloads(store, 'a'), [undefined, 'two'])
    const [released] = await all(store.queued('a'))
    assert.deepEqual([released?.packetId, refOf(released!.ref)], [7, refOf(first!)])
    assert.deepEqual(await store.queueSize('a'), { messages: 2, bytes: 3 })
    await removeQueued(store, 'a', first!, 7)
    assert.deepEqual(await store.queueSize('a'), { messages: 1, bytes: 3 })
  })

  harness.test('an entry that is not there is no error', async store => {
    await saveSessions(store, 'a')
    for (const clientId of ['a', 'never was']) {
      await markSent(store, clientId, message(), 1)
      await store.markReleased(clientId, refOf(message()), 1)
      await removeQueued(store, clientId, message())
    }
    assert.deepEqual(await store.queueSize('a'), { messages: 0, bytes: 0 })
    assert.equal(await store.openSession('never was'), undefined)
  })

  harness.test('what one session does with a message does not touch another', async store => {
    await saveSessions(store, 'a', 'b')
    const shared = message()
    await store.enqueue(shared, [to('a'), to('b')], policy())
    await markSent(store, 'a', shared, 7)
    await store.markReleased('a', refOf(shared), 7)
    const entry = await onlyEntry(store, 'b')
    assert.equal(entry.packetId, undefined)
    assert.equal(entry.message?.payload.toString(), 'payload')
    await store.deleteSession('a')
    assert.deepEqual(await payloads(store, 'b'), ['payload'])
  })

  harness.test('a queue may be emptied while it is gone through', async store => {
    await saveSessions(store, 'a')
    const expected = Array.from({ length: 100 }, (_, i) => `${i}`)
    await enqueue(store, 'a', ...expected)
    const seen: (string | undefined)[] = []
    for await (const { ref, message: each } of store.queued('a')) {
      seen.push(each?.payload.toString())
      await removeQueued(store, 'a', ref)
    }
    assert.deepEqual(seen, expected)
    assert.deepEqual(await store.queueSize('a'), { messages: 0, bytes: 0 })
  })
}
