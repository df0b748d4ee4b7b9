/** The heap of deadlines, compared with sorting. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Deadline, Deadlines } from '../../lib/persistence/deadlines.js'

describe('Deadlines', () => {
  it('returns items in order of their deadlines, whatever changed meanwhile', () => {
    const step = fc.record({ thing: fc.nat(9), at: fc.option(fc.nat(20), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.nat(20), (steps, now) => {
        const deadlines = new Deadlines<number>()
        const current = new Map<number, Deadline<number>>()
        for (const { thing, at } of steps) {
          deadlines.remove(current.get(thing))
          current.delete(thing)
          if (at !== undefined) current.set(thing, deadlines.add(thing, at))
        }
        const all = Array.from(current.values(), ({ at }) => at).sort((x, y) => x - y)
        const due = all.filter(at => at <= now)
        const timeOf = (thing: number) => current.get(thing)!.at
        assert.equal(deadlines.next(), all[0])
        assert.deepEqual(deadlines.due(now, 3).map(timeOf), due.slice(0, 3))
        assert.deepEqual(deadlines.due(now, 100).map(timeOf), due)
        const taken = []
        for (let thing = deadlines.take(now); thing !== undefined; thing = deadlines.take(now))
          taken.push(timeOf(thing))
        assert.deepEqual(taken, due)
        assert.equal(deadlines.next(), all[due.length])
      }),
    )
  })

  it('ignores the removal of items that were already taken or removed', () => {
    const deadlines = new Deadlines<string>()
    const first = deadlines.add('first', 1)
    const second = deadlines.add('second', 2)
    assert.equal(deadlines.take(1), 'first')
    deadlines.remove(first)
    deadlines.remove(first)
    assert.deepEqual(deadlines.due(2, 10), ['second'])
    deadlines.remove(second)
    assert.equal(deadlines.next(), undefined)
  })
})
