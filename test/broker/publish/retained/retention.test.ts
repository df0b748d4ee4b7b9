/** Limits of retained messages, and their expiry. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Retention } from '../../../../lib/broker/publish/retention.js'
import { createMemoryPersistence } from '../../../../lib/persistence/memory/memory.js'
import type { ResolvedOptions } from '../../../../lib/ports/resolved-options.js'
import { FakeClock } from '../../../../lib/testing/fake-clock.js'
import { message } from '../../../routing/support.js'

const UNBOUNDED = {
  maxRetainedMessages: Number.POSITIVE_INFINITY,
  maxRetainedBytes: Number.POSITIVE_INFINITY,
  maxRetainedPayload: Number.POSITIVE_INFINITY,
  maxRetainedExpiry: Number.POSITIVE_INFINITY,
}

async function fixture(limits: Partial<typeof UNBOUNDED> = {}) {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  await store.setup({ id: 'b' })
  const retention = new Retention(store, { ...UNBOUNDED, ...limits } as ResolvedOptions, () => clock.now())
  const keep = async (topic: string, text: string, messageExpiry?: number) => {
    const published = message(topic, text)
    published.retain = true
    published.messageExpiry = messageExpiry
    retention.check(published)
    await retention.keep(published)
  }
  const found = async (filter: string) => {
    const messages: string[] = []
    for await (const { topic, payload } of store.retained([filter])) messages.push(`${topic} ${payload}`)
    return messages.sort()
  }
  return { clock, keep, found }
}

const quota = { code: 'ANAX_ERR_QUOTA' }

describe('retained messages', () => {
  it('are stored by topic, replaced by the next one, and removed by an empty one', async () => {
    const { keep, found } = await fixture()
    await keep('a/1', 'old')
    await keep('a/1', 'new')
    await keep('a/2', 'other')
    assert.deepEqual(await found('a/+'), ['a/1 new', 'a/2 other'])
    await keep('a/1', '')
    assert.deepEqual(await found('#'), ['a/2 other'])
  })

  it('have a limit for the size of a payload', async () => {
    const { keep, found } = await fixture({ maxRetainedPayload: 3 })
    await keep('a', '123')
    await assert.rejects(keep('a', '1234'), quota)
    assert.deepEqual(await found('a'), ['a 123'])
  })

  it('have a limit for their number, for which replacing or removing one does not count', async () => {
    const { keep, found } = await fixture({ maxRetainedMessages: 2 })
    await keep('a', '1')
    await keep('b', '1')
    await assert.rejects(keep('c', '1'), quota)
    await keep('b', '2')
    await keep('c', '')
    assert.deepEqual(await found('#'), ['a 1', 'b 2'])
    await keep('a', '')
    await keep('c', '1')
    assert.deepEqual(await found('#'), ['b 2', 'c 1'])
  })

  it('have a limit for all bytes together, without those of a message that is replaced', async () => {
    const { keep, found } = await fixture({ maxRetainedBytes: 10 })
    await keep('a', '12345')
    await keep('b', '12345')
    await assert.rejects(keep('c', '1'), quota)
    await assert.rejects(keep('a', '123456'), quota)
    await keep('a', '1234')
    await keep('c', '1')
    assert.deepEqual(await found('#'), ['a 1234', 'b 12345', 'c 1'])
  })

  it('can be switched off', async () => {
    const { keep } = await fixture({ maxRetainedMessages: 0 })
    await assert.rejects(keep('a', '1'), quota)
    await keep('a', '')
  })

  it('expire after the allowed time, or after their own Message Expiry Interval', async () => {
    const { clock, keep, found } = await fixture({ maxRetainedExpiry: 10 })
    await keep('own', 'x', clock.now() + 4000)
    await keep('none', 'x')
    await keep('long', 'x', clock.now() + 1e6)
    await clock.advance(4000)
    assert.deepEqual(await found('#'), ['long x', 'none x'])
    await clock.advance(6000)
    assert.deepEqual(await found('#'), [])
  })
})
