/** Synchronous and asynchronous items, read in the same way: every item once, in order, and no error is lost. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Source } from '../../../lib/util/collections/source.js'
import type { MaybeAsyncIterable } from '../../../types/persistence.js'
import { runs } from '../../support/effort.js'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

function fixture<T>(items: () => MaybeAsyncIterable<T>) {
  const taken: T[] = []
  const failures: unknown[] = []
  let wakes = 0
  let state: 'ready' | 'waiting' | 'done' = 'waiting'
  const pump = () => {
    for (state = source.look(); state === 'ready'; state = source.look()) {
      assert.equal(source.head, source.head)
      const head = source.head
      assert.equal(source.take(), head)
      taken.push(head)
    }
  }
  const source: Source<T> = new Source(
    items,
    () => {
      wakes++
      pump()
    },
    error => failures.push(error),
  )
  return { source, taken, failures, pump, wakes: () => wakes, state: () => state }
}

async function* slowly<T>(items: readonly T[], closed: () => void = () => {}): AsyncGenerator<T> {
  try {
    for (const item of items) {
      await turn()
      yield item
    }
  } finally {
    closed()
  }
}

describe('a source', () => {
  it('of available items is read immediately', () => {
    const { pump, taken, wakes, state } = fixture(() => [1, 2, 3])
    pump()
    assert.deepEqual([taken, wakes(), state()], [[1, 2, 3], 0, 'done'])
  })

  it('is not opened before somebody reads it', () => {
    let asked = 0
    const { source } = fixture(() => {
      asked++
      return [1]
    })
    assert.equal(asked, 0)
    source.look()
    source.look()
    assert.equal(asked, 1)
  })

  it('does not advance when it is peeked repeatedly', () => {
    const { source } = fixture(() => ['a', 'b'])
    assert.deepEqual([source.look(), source.look(), source.head], ['ready', 'ready', 'a'])
    source.take()
    assert.deepEqual([source.look(), source.head], ['ready', 'b'])
  })

  it('of items to fetch wakes its reader, for each and for the end', async () => {
    const { pump, taken, wakes, state } = fixture(() => slowly(['a', 'b']))
    pump()
    assert.equal(state(), 'waiting')
    for (let i = 0; i < 6; i++) await turn()
    assert.deepEqual([taken, wakes(), state()], [['a', 'b'], 3, 'done'])
  })

  it('returns every item once and in order, whether available or fetched', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer()), fc.boolean(), async (items, isAsync) => {
        const { pump, taken, failures } = fixture<number>(() => (isAsync ? slowly(items) : new Set(items).values()))
        pump()
        for (let i = 0; i < items.length + 2; i++) await turn()
        assert.deepEqual(taken, isAsync ? items : [...new Set(items)])
        assert.deepEqual(failures, [])
      }),
      { numRuns: runs(30) },
    )
  })
})

describe('a source that is closed', () => {
  it('closes what it reads from, and is done', async () => {
    let closed = 0
    const { source, taken } = fixture(() => slowly(['a', 'b', 'c', 'd'], () => closed++))
    source.look()
    await turn()
    await turn()
    source.close()
    source.close()
    const soFar = taken.length
    for (let i = 0; i < 6; i++) await turn()
    assert.deepEqual([closed, source.look()], [1, 'done'])
    assert(soFar < 4)
    assert.equal(taken.length, soFar)
  })

  it('while it waits does not wake its reader', async () => {
    const { source, wakes, failures } = fixture(() => slowly(['a']))
    source.look()
    source.close()
    for (let i = 0; i < 4; i++) await turn()
    assert.deepEqual([wakes(), source.look(), failures], [0, 'done', []])
  })

  it('before anybody reads it is never opened', () => {
    const { source } = fixture(() => assert.fail('not asked for'))
    source.close()
    assert.equal(source.look(), 'done')
  })
})

describe('a source that fails', () => {
  const broken = new Error('broken')
  const WAYS: Record<string, () => MaybeAsyncIterable<string>> = {
    'when it is asked for': () => {
      throw broken
    },
    'at hand': function* () {
      yield 'a'
      throw broken
    },
    'when it is fetched': async function* () {
      yield 'a'
      await turn()
      throw broken
    },
  }
  for (const [when, items] of Object.entries(WAYS)) {
    it(`${when}: reports the error once, and is done`, async () => {
      const { source, pump, failures } = fixture(items)
      pump()
      for (let i = 0; i < 4; i++) await turn()
      pump()
      assert.deepEqual([failures, source.look()], [[broken], 'done'])
    })
  }

  it('when it is closed: reports the error', async () => {
    const { source, failures } = fixture<string>(() => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => Promise.reject(broken) }),
    }))
    source.look()
    await turn()
    source.close()
    await turn()
    assert.deepEqual(failures, [broken])
  })

  it('when it is closed, synchronously: reports the error', () => {
    const { source, failures } = fixture<string>(() => ({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 'a' }),
        return: () => {
          throw broken
        },
      }),
    }))
    source.look()
    source.close()
    assert.deepEqual(failures, [broken])
  })
})
