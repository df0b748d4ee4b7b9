/** Turns: one after the other for one key, concurrent for different keys, and aborted ones are skipped. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Aborter } from '../../../lib/util/scheduling/aborter.js'
import { Turns } from '../../../lib/util/scheduling/turns.js'

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Steps that end when the test says so. */
function fixture() {
  const turns = new Turns()
  const log: string[] = []
  const open = new Map<string, () => void>()
  const step = (name: string) => () =>
    new Promise<string>(resolve => {
      log.push(`begin ${name}`)
      open.set(name, () => {
        log.push(`end ${name}`)
        resolve(name)
      })
    })
  const end = async (name: string) => {
    open.get(name)!()
    await turn()
  }
  return { turns, log, step, end }
}

describe('steps for one key', () => {
  it('run one after the other, in order, whatever their results', async () => {
    const { turns, log, step, end } = fixture()
    const one = turns.take('k', step('one'))
    const failing = turns.take('k', () => Promise.reject(new Error('broken')))
    const two = turns.take('k', step('two'))
    failing.catch(() => {})
    await turn()
    assert.deepEqual(log, ['begin one'])
    await end('one')
    assert.deepEqual(log, ['begin one', 'end one', 'begin two'])
    await end('two')
    assert.deepEqual(await Promise.all([one, two]), ['one', 'two'])
    await assert.rejects(failing, /broken/)
  })

  it('are synchronous if the step is, and leave nothing if it throws', () => {
    const { turns } = fixture()
    assert.equal(
      turns.take('k', (): number | Promise<number> => 1),
      1,
    )
    const broken = (): number | Promise<number> => {
      throw new Error('broken')
    }
    assert.throws(() => turns.take('k', broken), { message: 'broken' })
    assert.equal(turns.isTaken('k'), false)
  })

  it('leave nothing behind, and the next one starts immediately', async () => {
    const { turns, log, step, end } = fixture()
    const one = turns.take('k', step('one'))
    await turn()
    await end('one')
    await one
    turns.take('k', step('two'))
    await turn()
    assert.equal(log.at(-1), 'begin two')
  })
})

describe('steps for several keys', () => {
  it('do not wait for each other', async () => {
    const { turns, log, step } = fixture()
    turns.take('a', step('one'))
    turns.take('b', step('two'))
    await turn()
    assert.deepEqual(log, ['begin one', 'begin two'])
  })

  it('may run one after the other: a failure does not stop the others, and the first error is thrown', async () => {
    const { turns } = fixture()
    const done: string[] = []
    const all = turns.takeEach(['a', 'b', 'c', 'd'], String, async key => {
      if (key < 'c') throw new Error(key)
      done.push(key)
    })
    await assert.rejects(all, { message: 'a' })
    assert.deepEqual(done, ['c', 'd'])
  })

  it('are begun in order and run several at a time, but not all at once', async () => {
    const { turns, log } = fixture()
    const names = Array.from({ length: 60 }, (_, index) => `${index}`)
    const open = new Map<string, () => void>()
    const all = turns.takeEach(names, String, name => {
      log.push(name)
      return new Promise(resolve => open.set(name, resolve))
    })
    await turn()
    assert.deepEqual(log, names.slice(0, 50))
    open.get('49')!()
    await turn()
    assert.deepEqual(log, names.slice(0, 51))
    for (const name of names) {
      open.get(name)!()
      await turn()
    }
    await all
  })
})

describe('an aborted step', () => {
  it('that has not started leaves the queue immediately, and does not run', async () => {
    const { turns, log, step, end } = fixture()
    const gone = new Aborter()
    turns.take('k', step('one'))
    const two = turns.take('k', step('two'), gone)
    const three = turns.take('k', step('three'), new Aborter())
    await turn()
    gone.abort(new Error('gone'))
    await assert.rejects(two, { message: 'gone' })
    await end('one')
    assert.deepEqual(log, ['begin one', 'end one', 'begin three'])
    await end('three')
    assert.equal(await three, 'three')
  })

  it('that has started continues', async () => {
    const { turns, step, end } = fixture()
    const gone = new Aborter()
    const one = turns.take('k', step('one'), gone)
    await turn()
    gone.abort(new Error('gone'))
    await end('one')
    assert.equal(await one, 'one')
  })

  it('that was aborted before it was queued never runs', async () => {
    const { turns, log, step } = fixture()
    const gone = new Aborter()
    gone.abort(new Error('gone'))
    assert.throws(() => turns.take('k', step('one'), gone), { message: 'gone' })
    turns.take('k', step('two'))
    await turn()
    assert.deepEqual(log, ['begin two'])
  })
})
