/** The store in memory: both suites, and its particular features. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import abstractSuite from 'aedes-persistence/abstract.js'
import { createMemoryPersistence, type MemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { message, policy, refOf, saveSessions, to } from '../../../lib/testing/persistence/harness.js'
import { persistenceSuite } from '../../../lib/testing/persistence.js'
import type { DroppedMessage } from '../../../types/persistence.js'

describe('the base contract', () =>
  abstractSuite({ test, persistence: () => createMemoryPersistence(), testAsync: true }))

describe('the session contract', () =>
  // The next broker of the process may use the store of the previous one.
  persistenceSuite({
    test,
    create: createMemoryPersistence,
    reopen: async store => {
      await store.destroy()
      return store
    },
  }))

describe('MemoryPersistence', () => {
  it('reports that it keeps data in memory', () => assert.equal(createMemoryPersistence().durability, 'memory'))

  it('uses the given clock', () => {
    let now = 1000
    const store = createMemoryPersistence({ now: () => now })
    store.storeRetained(message({ topic: 't', messageExpiry: 2000 }))
    assert.ok(store.retainedOf('t'))
    now = 2000
    assert.equal(store.retainedOf('t'), undefined)
  })

  it('is full at the given number of messages, however short they are', async () => {
    const store = createMemoryPersistence({ maxQueuedMessages: 2 })
    await saveSessions(store, 'a', 'b', 'c')
    const [first, second, third] = ['1', '2', '3'].map(text => message({ payload: Buffer.from(text) }))
    assert.equal(store.enqueue(first!, [to('a')], policy()), undefined)
    assert.equal(store.enqueue(second!, [to('a'), to('b')], policy()), undefined)
    assert.equal(store.enqueue(second!, [to('b')], policy()), undefined, 'it is there already')

    const refused = store.enqueue(third!, [to('c')], policy()) as DroppedMessage[]
    assert.deepEqual(
      refused.map(({ clientId, reason }) => [clientId, reason]),
      [['c', 'store-full']],
    )
    assert.throws(() => store.enqueue(third!, [to('c')], policy({ overflow: 'reject' })), { code: 'ANAX_ERR_QUOTA' })
    const replaced = store.enqueue(third!, [to('a')], policy({ overflow: 'drop-oldest' })) as DroppedMessage[]
    assert.deepEqual(
      replaced.map(dropped => String(dropped.message.payload)),
      ['1'],
    )
  })

  describe('payloads', () => {
    function queuedPayload(store: MemoryPersistence, clientId: string): Buffer {
      const [entry] = store.queued(clientId)
      return entry!.message!.payload
    }

    it('are copied from their received chunk, once for all queues', async () => {
      const store = createMemoryPersistence()
      await saveSessions(store, 'a', 'b')
      for (const length of [10, 3000]) {
        const view = Buffer.allocUnsafeSlow(65_536)
          .fill(7)
          .subarray(100, 100 + length)
        const arriving = message({ payload: view })
        store.enqueue(arriving, [to('a'), to('b')], policy())
        const kept = queuedPayload(store, 'a')
        assert.deepEqual(kept, view)
        assert.ok(kept.buffer.byteLength <= 8192)
        assert.equal(queuedPayload(store, 'b'), kept)
        for (const clientId of ['a', 'b']) store.removeQueued(clientId, refOf(arriving))
      }
    })

    it('are not copied if they have their own memory', async () => {
      const store = createMemoryPersistence()
      await saveSessions(store, 'a')
      const payload = Buffer.allocUnsafeSlow(5000).fill(1)
      store.enqueue(message({ payload }), [to('a')], policy())
      assert.equal(queuedPayload(store, 'a'), payload)
    })

    it('are counted once in all queues together', async () => {
      const store = createMemoryPersistence()
      await saveSessions(store, 'a', 'b')
      const queued = message({ payload: Buffer.alloc(100) })
      store.enqueue(queued, [to('a'), to('b')], policy())
      assert.equal(store.queuedBytes, 100)
      store.removeQueued('a', refOf(queued))
      assert.equal(store.queuedBytes, 100)
      store.deleteSession('b')
      assert.equal(store.queuedBytes, 0)
    })
  })

  it('empties the long queue of an ended session in several turns', async () => {
    const store = createMemoryPersistence()
    await saveSessions(store, 'a', 'b')
    const payload = Buffer.alloc(1)
    for (let i = 0; i < 1000; i++) store.enqueue(message({ payload, messageExpiry: 1 }), [to('a')], policy())
    store.enqueue(message({ payload, messageExpiry: 1 }), [to('b')], policy())
    store.deleteSession('a')
    await saveSessions(store, 'a')
    assert.equal(store.queueSize('a').messages, 0)
    assert.equal(store.queuedBytes, 901)
    const { dropped } = store.sweep(1, 500)
    assert.equal(store.queuedBytes, 401)
    while (store.queuedBytes > 1) await new Promise<void>(resolve => setImmediate(resolve))
    dropped.push(...store.sweep(1, 500).dropped)
    assert.deepEqual(
      dropped.map(({ clientId }) => clientId),
      ['b'],
    )
    assert.equal(store.queuedBytes, 0)
  })

  it('removes a client of the base contract when nothing of it is left', () => {
    const store = createMemoryPersistence()
    const client = { id: 'a' }
    store.addSubscriptions(client, [{ topic: 't', qos: 1 }])
    store.outgoingEnqueue({ clientId: 'a' }, message({ brokerCounter: 1 }))
    store.outgoingUpdate(client, message({ brokerCounter: 1, messageId: 5 }))
    store.cleanSubscriptions(client)
    assert.equal(store.queueSize('a').messages, 1)
    assert.equal(store.openSession('a'), undefined)
    store.outgoingClearMessageId(client, { messageId: 5 })
    store.enqueue(message(), [to('a')], policy())
    assert.equal(store.queueSize('a').messages, 0)
  })

  it('finds an incoming packet id stored through either contract', async () => {
    const store = createMemoryPersistence()
    await saveSessions(store, 'a')
    store.addIncoming('a', 7)
    assert.deepEqual(store.incomingGetPacket({ id: 'a' }, { messageId: 7 }), { messageId: 7 })
    store.incomingStorePacket({ id: 'a' }, message({ messageId: 8 }))
    assert.deepEqual(store.openSession('a')?.incoming, [7, 8])
    store.incomingDelPacket({ id: 'a' }, { messageId: 7 })
    assert.throws(() => store.incomingDelPacket({ id: 'a' }, { messageId: 7 }), { code: 'ANAX_ERR_STORE' })
  })
})
