/** The contract of retained messages. */
import assert from 'node:assert/strict'
import type { SessionPersistence } from '../../../types/persistence.js'
import { all, content, type Harness, message } from './harness.js'

async function retain(store: SessionPersistence, ...topics: string[]): Promise<void> {
  for (const topic of topics) await store.storeRetained(message({ topic, retain: true, payload: Buffer.from(topic) }))
}

async function topics(store: SessionPersistence, ...filters: string[]): Promise<string[]> {
  return (await all(store.retained(filters))).map(({ topic }) => topic).sort()
}

/** Defines them. */
export function defineRetainedTests(harness: Harness): void {
  harness.test('a retained message comes back as it was published', async store => {
    const properties = { contentType: 'x', correlationData: Buffer.from([9]), userProperties: { a: 'b' } }
    const messageExpiry = Date.now() + 60_000
    const published = message({ topic: 't', retain: true, qos: 2, properties, messageExpiry })
    const expected = content(published)
    await store.storeRetained(published)
    Object.assign(published, { topic: 'changed', retain: false })
    assert.deepEqual((await all(store.retained(['#']))).map(content), [expected])
    assert.deepEqual(content((await store.retainedOf('t'))!), expected)
    assert.equal(await store.retainedOf('u'), undefined)
  })

  harness.test('each topic has one retained message, until an empty one removes it', async store => {
    await retain(store, 't', 'u')
    await store.storeRetained(message({ topic: 't', retain: true, payload: Buffer.from('newer') }))
    assert.equal((await store.retainedOf('t'))?.payload.toString(), 'newer')
    assert.deepEqual([store.retainedCount, store.retainedBytes], [2, 6])
    await store.storeRetained(message({ topic: 't', retain: true, payload: Buffer.alloc(0) }))
    await store.storeRetained(message({ topic: 'never was', retain: true, payload: Buffer.alloc(0) }))
    assert.deepEqual(await topics(store, '#'), ['u'])
    assert.deepEqual([store.retainedCount, store.retainedBytes], [1, 1])
  })

  harness.test('the bytes of retained messages are those of payload and properties', async store => {
    const properties = { contentType: 'xü', userProperties: { k: 'v' } }
    await store.storeRetained(message({ topic: 't', retain: true, payload: Buffer.from('one'), properties }))
    assert.equal(store.retainedBytes, 12)
    await store.storeRetained(message({ topic: 't', retain: true, payload: Buffer.alloc(0), properties }))
    assert.deepEqual([store.retainedCount, store.retainedBytes], [0, 0])
  })

  harness.test('retained messages are found by filter, each once', async store => {
    await retain(store, 'a', 'a/b', 'a/b/c', '/', 'a/', '$SYS', '$SYS/a', '__proto__', 'ab')
    assert.deepEqual(await topics(store, '#'), ['/', '__proto__', 'a', 'a/', 'a/b', 'a/b/c', 'ab'])
    assert.deepEqual(await topics(store, '+'), ['__proto__', 'a', 'ab'])
    assert.deepEqual(await topics(store, '+/+'), ['/', 'a/', 'a/b'])
    assert.deepEqual(await topics(store, 'a/#'), ['a', 'a/', 'a/b', 'a/b/c'])
    assert.deepEqual(await topics(store, '$SYS/#'), ['$SYS', '$SYS/a'])
    assert.deepEqual(await topics(store, 'a/+', 'a/b', 'a/#', '+/b/c'), ['a', 'a/', 'a/b', 'a/b/c'])
    assert.deepEqual(await topics(store, 'none', 'a/b'), ['a/b'])
    assert.deepEqual(await topics(store), [])
  })

  harness.test('a retained message whose time is over is not returned', async store => {
    await store.storeRetained(message({ topic: 'over', retain: true, messageExpiry: Date.now() - 1 }))
    await store.storeRetained(message({ topic: 'not yet', retain: true, messageExpiry: Date.now() + 60_000 }))
    assert.deepEqual(await topics(store, '#'), ['not yet'])
    assert.deepEqual(await topics(store, 'over'), [])
    assert.equal(await store.retainedOf('over'), undefined)
  })

  harness.test('a newer retained message has its own time', async store => {
    const now = Date.now()
    await store.storeRetained(message({ topic: 't', retain: true, messageExpiry: now + 1 }))
    await store.storeRetained(message({ topic: 't', retain: true }))
    assert.deepEqual(await store.sweep(now + 10, 10), { dropped: [], retained: [], more: false })
    assert.deepEqual(await topics(store, 't'), ['t'])
  })
}
