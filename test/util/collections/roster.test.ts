/** A roster: its content after items were added and removed in any order. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Placed, Roster } from '../../../lib/util/collections/roster.js'

class Item implements Placed {
  place = -1
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

const names = (roster: Roster<Item>) => [...roster].map(({ name }) => name).sort()

describe('a roster', () => {
  it('contains what was added and not removed, in any order', () => {
    const roster = new Roster<Item>()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => new Item(name)) as [Item, Item, Item, Item]
    for (const item of [a, b, c, d]) roster.add(item)
    roster.delete(b)
    assert.deepEqual(names(roster), ['a', 'c', 'd'])
    roster.delete(d)
    roster.add(b)
    roster.delete(a)
    assert.deepEqual(names(roster), ['b', 'c'])
    assert.equal(roster.size, 2)
    roster.delete(c)
    roster.delete(b)
    assert.deepEqual([roster.size, a.place, b.place, c.place, d.place], [0, -1, -1, -1, -1])
  })
})
