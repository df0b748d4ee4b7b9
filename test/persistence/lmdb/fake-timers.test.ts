/** The LMDB store while a test runner has replaced the timers. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { all } from '../../../lib/testing/persistence/harness.js'
import { temporaryFolder } from './folders.js'

/** Every timer that LMDB could use; none of them ever comes. */
const APIS = ['setImmediate', 'setTimeout', 'setInterval'] as const

async function retainedIn(path: string): Promise<string[]> {
  const broker = await createBroker({ persistence: createLmdbPersistence({ path }) })
  const texts = (await all(broker.retained('#'))).map(({ payload }) => payload.toString())
  await broker.close()
  return texts.sort()
}

const keep = (topic: string) => ({ topic, payload: topic, qos: 1, retain: true }) as const

describe('the store on disk, with fake timers', () => {
  it('opens, writes, reads and closes', async t => {
    t.mock.timers.enable({ apis: [...APIS] })
    const path = temporaryFolder()
    const broker = await createBroker({ persistence: createLmdbPersistence({ path }) })
    await Promise.all([broker.publish(keep('a')), broker.publish(keep('b'))])
    await broker.publish(keep('c'))
    await broker.close()
    assert.deepEqual(await retainedIn(path), ['a', 'b', 'c'])
  })

  it('goes on when they come and go', async t => {
    const path = temporaryFolder()
    const broker = await createBroker({ persistence: createLmdbPersistence({ path }) })
    await broker.publish(keep('real'))
    t.mock.timers.enable({ apis: [...APIS] })
    await broker.publish(keep('fake'))
    t.mock.timers.reset()
    await broker.publish(keep('real again'))
    await broker.close()
    assert.deepEqual(await retainedIn(path), ['fake', 'real', 'real again'])
  })

  it('undoes a change that fails', async t => {
    t.mock.timers.enable({ apis: [...APIS] })
    const store = createLmdbPersistence({ path: temporaryFolder() })
    const broker = await createBroker({ persistence: store, maxRetainedMessages: 1 })
    await broker.publish(keep('a'))
    await assert.rejects(broker.publish(keep('b')), { code: 'ANAX_ERR_QUOTA' })
    assert.equal(store.retainedCount, 1)
    await broker.close()
  })

  it('uses a setImmediate that wraps that of Node.js', async t => {
    const calls = wrapped(t)
    const broker = await createBroker({ persistence: createLmdbPersistence({ path: temporaryFolder() }) })
    await broker.publish(keep('a'))
    const before = calls.length
    await broker.publish(keep('b'))
    assert.equal(calls.length, before + 1, 'LMDB began one transaction with it, and it was not tried again')
    await broker.close()
  })
})

/** @returns what the global function was called with */
function wrapped(t: TestContext): unknown[] {
  const calls: unknown[] = []
  const real = globalThis.setImmediate
  t.mock.method(globalThis, 'setImmediate', (callback: () => void) => {
    calls.push(callback)
    return real(callback)
  })
  return calls
}
