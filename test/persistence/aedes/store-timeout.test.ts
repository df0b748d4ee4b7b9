/** The store with a time limit: the same results in time; one failure for each that does not arrive. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withStoreTimeout } from '../../../lib/persistence/aedes/store-timeout.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { SessionPersistence } from '../../../types/persistence.js'

const TIMEOUT_MS = 1000

/** A store whose operations are answered when the test says so. */
function fixture() {
  const clock = new FakeClock()
  const open: { name: string; resolve(value?: unknown): void; reject(error: Error): void }[] = []
  const answer = (name: string) => new Promise((resolve, reject) => open.push({ name, resolve, reject }))
  const items = { [Symbol.asyncIterator]: () => ({ next: () => answer('next'), return: () => answer('return') }) }
  const inner = {
    setup: () => answer('setup'),
    destroy: () => answer('destroy'),
    saveSession: () => answer('saveSession'),
    deleteWill: () => answer('deleteWill'),
    queued: () => items,
    retained: () => ['a', 'b'],
  } as unknown as SessionPersistence
  const store = withStoreTimeout(inner, new Timers(clock), TIMEOUT_MS)
  const outcomes: string[] = []
  const watch = (name: string, promise: unknown) =>
    (promise as Promise<unknown>).then(
      value => outcomes.push(`${name} ${value}`),
      ({ message }) => outcomes.push(`${name} failed: ${message}`),
    )
  return { clock, open, store, watch, outcomes }
}

const save = (store: SessionPersistence) =>
  store.saveSession({ clientId: 'c', expiryInterval: 1, expiresAt: undefined })

describe('an operation', () => {
  it('that is answered at once is passed through, without a timer', () => {
    const clock = new FakeClock()
    const memory = createMemoryPersistence({ now: () => clock.now() })
    const store = withStoreTimeout(memory, new Timers(clock), TIMEOUT_MS)
    assert.equal(save(store), undefined)
    assert.equal((store.openSession('c') as { clientId: string }).clientId, 'c')
    assert.deepEqual([store.durability, store.retainedCount, store.sessionPersistence], ['memory', 0, 1])
    assert.equal(clock.pendingTimers, 0)
  })

  it('that is answered in time has that result, or that error', async () => {
    const { clock, open, store, watch, outcomes } = fixture()
    watch('one', save(store))
    watch('two', store.deleteWill('c'))
    await clock.advance(900)
    open[1]!.reject(new Error('broken'))
    open[0]!.resolve('done')
    await clock.advance(10_000)
    assert.deepEqual(outcomes, ['two failed: broken', 'one done'])
    assert.equal(clock.pendingTimers, 0)
  })

  it('that is not answered in time fails, and a late answer is ignored', async () => {
    const { clock, open, store, watch, outcomes } = fixture()
    for (const name of ['one', 'two', 'three']) {
      watch(name, save(store))
      await clock.advance(300)
    }
    open[1]!.resolve('done')
    await clock.advance(500)
    assert.deepEqual(outcomes, ['two done', 'one failed: saveSession: no answer within 1000 ms'])
    open[0]!.resolve('late')
    watch('four', save(store))
    await clock.advance(400)
    assert.deepEqual(outcomes.slice(2), ['three failed: saveSession: no answer within 1000 ms'])
    open[2]!.reject(new Error('late'))
    open[3]!.resolve('done')
    await clock.advance(10_000)
    assert.deepEqual(outcomes.slice(3), ['four done'])
    assert.equal(clock.pendingTimers, 0)
  })

  it('that is not answered among thousands of others is the one that fails', async () => {
    const { clock, open, store, watch, outcomes } = fixture()
    for (let i = 0; i < 3000; i++) watch(String(i), save(store))
    for (let i = 2999; i >= 0; i -= 2) open[i]!.resolve('done')
    for (let i = 0; i < 3000; i += 2) if (i !== 1234) open[i]!.resolve('done')
    await clock.advance(1100)
    assert.equal(outcomes.length, 3000)
    assert.deepEqual(
      outcomes.filter(outcome => outcome.includes('failed')),
      ['1234 failed: saveSession: no answer within 1000 ms'],
    )
  })
})

describe('items', () => {
  it('are awaited one by one', async () => {
    const { clock, open, store, watch, outcomes } = fixture()
    const iterator = (store.queued('c') as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    watch(
      'first',
      iterator.next().then(({ value }) => value),
    )
    await clock.advance(900)
    open[0]!.resolve({ value: 'x', done: false })
    await clock.advance(900)
    watch('second', iterator.next())
    await clock.advance(1100)
    assert.deepEqual(outcomes, ['first x', 'second failed: queued: no answer within 1000 ms'])
  })

  it('that are synchronous are passed through', () => {
    const { store } = fixture()
    assert.deepEqual([...(store.retained(['#']) as Iterable<unknown>)], ['a', 'b'])
  })

  it('that are no longer needed are abandoned', async () => {
    const { open, store } = fixture()
    const iterator = (store.queued('c') as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    iterator.return?.()
    assert.deepEqual(
      open.map(({ name }) => name),
      ['return'],
    )
  })
})

describe('opening and closing the store', () => {
  it("come before anything else: the store's properties are not read earlier", () => {
    let open = false
    class Late {
      async setup() {
        open = true
      }
      get retainedCount() {
        assert(open, 'asked too early')
        return 3
      }
    }
    const store = withStoreTimeout(new Late() as unknown as SessionPersistence, new Timers(new FakeClock()), TIMEOUT_MS)
    store.setup({ id: 'b' })
    assert.equal(store.retainedCount, 3)
  })

  it('have no time limit', async () => {
    const { clock, open, store, watch, outcomes } = fixture()
    watch('setup', store.setup({ id: 'b' }))
    watch('destroy', store.destroy())
    await clock.advance(1e6)
    assert.deepEqual(outcomes, [])
    for (const { resolve } of open) resolve('done')
    await clock.advance(0)
    assert.deepEqual(outcomes, ['setup done', 'destroy done'])
  })
})

describe('without a time limit', () => {
  it('the store is not wrapped', () => {
    const memory = createMemoryPersistence()
    assert.equal(withStoreTimeout(memory, new Timers(new FakeClock()), 0), memory)
  })
})
