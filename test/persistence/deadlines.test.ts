/** The heap of deadlines, against sorting. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Deadlines } from '../../lib/persistence/deadlines.js'

interface Thing {
  at: number | undefined
}

describe('Deadlines', () => {
  it('takes things in order of their deadlines, whatever changed meanwhile', () => {
    const step = fc.record({ thing: fc.nat(9), at: fc.option(fc.nat(20), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.nat(20), (steps, now) => {
        const things: Thing[] = Array.from({ length: 10 }, () => ({ at: undefined }))
        const deadlines = new Deadlines<Thing>(thing => thing.at)
        for (const { thing: i, at } of steps) {
          const thing = things[i]!
          if (thing.at === at) continue
          if (thing.at !== undefined) deadlines.noteOutdated()
          thing.at = at
          deadlines.add(thing)
        }
        const all = things.flatMap(({ at }) => at ?? []).sort((x, y) => x - y)
        const due = all.filter(at => at <= now)
        assert.equal(deadlines.next(), all[0])
        assert.deepEqual(
          deadlines.due(now, 3).map(({ at }) => at),
          due.slice(0, 3),
        )
        assert.deepEqual(
          deadlines.due(now, 100).map(({ at }) => at),
          due,
        )
        const taken = []
        for (let thing = deadlines.take(now); thing !== undefined; thing = deadlines.take(now)) {
          taken.push(thing.at)
          thing.at = undefined
        }
        assert.deepEqual(taken, due)
        assert.equal(deadlines.next(), all[due.length])
      }),
    )
  })

  it('does not hold on to what has lost its deadline', () => {
    let asked = 0
    const deadlines = new Deadlines<Thing>(thing => {
      asked++
      return thing.at
    })
    for (let i = 0; i < 10_000; i++) {
      const thing: Thing = { at: 1 + (i % 7) }
      deadlines.add(thing)
      thing.at = undefined
      deadlines.noteOutdated()
    }
    asked = 0
    assert.equal(deadlines.next(), undefined)
    assert.ok(asked < 100, `${asked} left`)
  })
})
