/** Group commit: which changes share a transaction, and what happens to them if it fails. */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { LmdbWriter } from '../../../lib/persistence/lmdb/engine/writer.js'

/** A change takes a millisecond, and a transaction collects changes for ten. */
describe('LmdbWriter', () => {
  let time: number
  /** The content of each transaction. */
  let transactions: number[][]
  let flushes: number
  let writer: LmdbWriter

  const environment = {
    async transaction(changes: () => void) {
      await new Promise<void>(resolve => setImmediate(resolve))
      transactions.push([])
      changes()
    },
    async flushed() {
      flushes++
    },
  }

  const change = (number: number) =>
    writer.add(() => {
      time++
      transactions.at(-1)!.push(number)
      return number
    })

  /** Requests changes together. */
  const together = (from: number, count: number) => Promise.all(numbers(from, count).map(change))

  /** Requests each separately, before the first transaction begins. */
  async function apart(from: number, count: number): Promise<Promise<number>[]> {
    const asked: Promise<number>[] = []
    for (const number of numbers(from, count)) {
      asked.push(change(number))
      await Promise.resolve()
    }
    return asked
  }

  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
  const sizes = () => transactions.map(({ length }) => length)

  beforeEach(() => {
    time = 0
    transactions = []
    flushes = 0
    writer = new LmdbWriter(
      environment,
      'commit',
      () => {},
      () => time,
    )
  })

  it('writes many changes in several transactions, in order, with turns of the event loop between them', async () => {
    assert.deepEqual(await Promise.all(await apart(0, 25)), numbers(0, 25))
    assert.deepEqual(transactions.flat(), numbers(0, 25))
    assert.deepEqual(sizes(), [10, 10, 5])
  })

  it('writes changes of one turn in one transaction, without others if they take long', async () => {
    const first = together(0, 4)
    await Promise.resolve()
    const second = together(4, 30)
    await Promise.resolve()
    await Promise.all([first, second, together(34, 1)])
    assert.deepEqual(transactions.flat(), numbers(0, 35))
    assert.deepEqual(sizes(), [34, 1])
  })

  it('resolves each change with its own transaction', async () => {
    const asked = await apart(0, 20)
    await asked[9]
    assert.deepEqual(sizes(), [10])
    await asked[10]
    assert.deepEqual(sizes(), [10, 10])
  })

  it('retries changes that shared a transaction with a failed one, and only those', async () => {
    const early = await apart(0, 3)
    const broken = writer.change(() => {
      throw new Error('broken')
    })
    const asWell = together(3, 2)
    await Promise.resolve()
    const late = apart(5, 2)
    await assert.rejects(broken, { code: 'ANAX_ERR_STORE' })
    assert.deepEqual([...(await Promise.all(early)), ...(await asWell)], numbers(0, 5))
    assert.deepEqual(await Promise.all(await late), numbers(5, 2))
    assert.deepEqual(transactions, [numbers(0, 3), numbers(0, 5), numbers(5, 2)])
  })

  for (const [what, failures, outcome] of [
    ['commits what had no room once what was done with is on the disk', 1, 'fulfilled'],
    ['refuses what has no room even then', 2, 'rejected'],
  ] as const) {
    it(what, async () => {
      const begin = environment.transaction
      let left: number = failures
      environment.transaction = async changes => {
        await begin(changes)
        if (left-- > 0) throw Object.assign(new Error('full'), { code: 28 })
      }
      const [adding, removing] = await Promise.allSettled([change(0), writer.change(() => {})])
      environment.transaction = begin
      assert.deepEqual([adding.status, removing.status], [outcome, 'fulfilled'])
      assert.deepEqual([flushes, transactions], [1, failures === 1 ? [[0], [0]] : [[0], [0], []]])
    })
  }

  it('refuses all waiting changes if no transaction can start', async () => {
    const begin = environment.transaction
    environment.transaction = async () => {
      throw new Error('no disk')
    }
    const outcomes = await Promise.allSettled([together(0, 3), together(3, 1)])
    environment.transaction = begin
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.deepEqual(await Promise.all(await apart(4, 1)), [4])
    assert.deepEqual(transactions, [[4]])
  })
})
