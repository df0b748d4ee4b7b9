/** Names in order, page by page. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareNames, SortedNames } from '../../../lib/util/collections/sorted-names.js'
import { runs } from '../../support/effort.js'

const utf8 = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other))

const name = fc.string({ unit: 'binary', maxLength: 4 })

test('names are sorted by their UTF-8 bytes', () => {
  const sign = (value: number) => Math.sign(value)
  fc.assert(
    fc.property(name, name, (one, other) => sign(compareNames(one, other)) === sign(utf8(one, other))),
    { numRuns: runs(1000) },
  )
})

test('sorted names behave like a sorted set', () => {
  const change = fc.record({ kind: fc.constantFrom('add', 'delete'), name: fc.integer({ max: 3000, min: 0 }) })
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 5000, size: 'max' }),
      fc.integer({ min: 1, max: 700 }),
      (changes, limit) => {
        const names = new SortedNames()
        const model = new Set<string>()
        for (const { kind, name } of changes) {
          names[kind as 'add' | 'delete'](`n${name}`)
          model[kind as 'add' | 'delete'](`n${name}`)
        }
        const read: string[] = []
        for (let page = names.after(undefined, limit); page.length > 0; page = names.after(read.at(-1), limit)) {
          assert.ok(page.length <= limit)
          read.push(...page)
        }
        assert.deepEqual(read, [...model].toSorted(utf8))
        assert.equal(names.size, model.size)
        assert.deepEqual(
          names.after('n15', 1),
          [...model]
            .toSorted(utf8)
            .filter(name => name > 'n15')
            .slice(0, 1),
        )
      },
    ),
    { numRuns: runs(20) },
  )
})
