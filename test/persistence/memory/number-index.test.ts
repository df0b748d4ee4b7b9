/** The index by number: behaves like a Map, for all numbers and all orders of adding and removing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NumberIndex } from '../../../lib/persistence/memory/number-index.js'
import { collect } from '../../support/collect.js'

class Thing {
  readonly number: number
  chained: Thing | undefined

  constructor(number: number) {
    this.number = number
  }
}

test('an index by number finds the same as a Map', () => {
  const far = fc.constantFrom(1, 8, 1024, 2 ** 20, 2 ** 31, 2 ** 32, -(2 ** 33))
  const step = fc.record({ what: fc.constantFrom('set', 'set', 'delete'), which: fc.nat({ max: 60 }) })
  fc.assert(
    fc.property(far, fc.nat({ max: 2 ** 40 }), fc.array(step, { maxLength: 400 }), (distance, start, steps) => {
      const index = new NumberIndex<Thing>()
      const expected = new Map<number, Thing>()
      for (const { what, which } of steps) {
        const number = start + which * distance
        if (what === 'set') {
          const thing = new Thing(number)
          index.delete(number)
          index.add(thing)
          expected.set(number, thing)
        } else {
          index.delete(number)
          expected.delete(number)
        }
        assert.equal(index.size, expected.size)
      }
      for (let which = 0; which <= 60; which++) {
        const number = start + which * distance
        assert.equal(index.get(number), expected.get(number))
      }
    }),
  )
})

test('an index by number grows and shrinks with its content', () => {
  const index = new NumberIndex<Thing>()
  for (let number = 0; number < 100_000; number++) index.add(new Thing(number))
  for (let number = 0; number < 99_990; number++) index.delete(number)
  assert.equal(index.size, 10)
  for (let number = 99_980; number < 100_000; number++)
    assert.equal(index.get(number)?.number, number < 99_990 ? undefined : number)
})

for (const [what, left, most] of [
  ['is emptied', 0, 1000],
  ['has little left', 20, 4000],
] as const) {
  test(`an index by number that ${what} releases its slots`, () => {
    const bytesInUse = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const before = bytesInUse()
    const indexes = Array.from({ length: 1000 }, () => {
      const index = new NumberIndex<Thing>()
      for (let number = 0; number < 1000; number++) index.add(new Thing(number))
      for (let number = 0; number < 1000 - left; number++) index.delete(number)
      // in steady use: one is added, one is removed
      for (let number = 1000; number < 1000 + 40 * left; number++) {
        index.add(new Thing(number))
        index.delete(number - left)
      }
      return index
    })
    const each = (bytesInUse() - before) / indexes.length
    assert.ok(each < most, `${each} bytes each`)
    const [index] = indexes
    for (let number = 5000; number < 5100; number++) index!.add(new Thing(number))
    for (let number = 5000; number < 5100; number++) assert.equal(index!.get(number)?.number, number)
    assert.equal(index!.size, left + 100)
  })
}
