/** The filter tree: adding, removing and matching, compared with the reference; the cache; hostile shapes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FilterTree } from '../../lib/topic/filter-tree.js'
import { runs } from '../support/effort.js'
import { filterArbitrary, referenceMatches, topicArbitrary } from './reference-matcher.js'

type Entries = Map<string, { filter: string; key: string; value: string }>

const step = fc.record({ remove: fc.boolean(), filter: filterArbitrary, key: fc.constantFrom('k1', 'k2', 'k3') })

function expected(entries: Entries, topic: string): string[] {
  return [...entries.values()].filter(({ filter }) => referenceMatches(filter, topic)).map(({ value }) => value)
}

describe('FilterTree', () => {
  it('matches like the reference, whatever was added and removed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(topicArbitrary, { maxLength: 8 }), (steps, topics) => {
        const tree = new FilterTree<string>()
        const entries: Entries = new Map()
        steps.forEach(({ remove, filter, key }, i) => {
          const id = `${key} ${filter}`
          const value = `${id} ${i}`
          const previous = entries.get(id)?.value
          if (remove) entries.delete(id)
          else entries.set(id, { filter, key, value })
          assert.equal(remove ? tree.remove(filter, key) : tree.add(filter, key, value), previous)
          assert.equal(tree.get(filter, key), entries.get(id)?.value)
          assert.equal(tree.size, entries.size)
          for (const topic of topics) assert.deepEqual([...tree.match(topic)].sort(), expected(entries, topic).sort())
        })
      }),
      { numRuns: runs(500) },
    )
  })

  it('finds the same in several steps, and entries that remain are found even if others change meanwhile', () => {
    const filters = fc.uniqueArray(filterArbitrary, { maxLength: 30 })
    fc.assert(
      fc.property(
        filters,
        topicArbitrary,
        fc.array(step),
        fc.integer({ min: 1, max: 4 }),
        (kept, topic, changes, limit) => {
          const tree = new FilterTree<string>()
          for (const filter of kept) tree.add(filter, 'kept', filter)
          const matching = kept.filter(filter => referenceMatches(filter, topic)).sort()
          const search = tree.search(topic)
          const undisturbed = tree.search(topic)
          while (!undisturbed.isDone) assert(undisturbed.run(limit) <= limit)
          assert.deepEqual([...undisturbed.values].sort(), matching)
          for (let i = 0; !search.isDone; i++) {
            search.run(limit)
            const change = changes[i]
            if (change === undefined) continue
            if (change.remove) tree.remove(change.filter, change.key)
            else tree.add(change.filter, change.key, 'other')
          }
          const found = search.values.filter(value => value !== 'other')
          assert.deepEqual(found.sort(), matching)
          assert(tree.found(search).length >= matching.length)
          assert.deepEqual([...tree.match(topic)].sort(), [...tree.find(topic)].sort(), 'no outdated result is cached')
        },
      ),
      { numRuns: runs(500) },
    )
  })

  it('does not match system topics with filters that start with a wildcard [MQTT-4.7.2-1]', () => {
    const tree = new FilterTree<string>()
    for (const filter of ['#', '+/a', '+/#', '$SYS/a', '$SYS/#', '$SYS/+']) tree.add(filter, 'k', filter)
    assert.deepEqual([...tree.match('$SYS/a')].sort(), ['$SYS/#', '$SYS/+', '$SYS/a'])
    assert.deepEqual([...tree.match('x/a')].sort(), ['#', '+/#', '+/a'])
  })

  it('counts values, and returns what it replaced or removed', () => {
    const tree = new FilterTree<number>()
    assert.equal(tree.add('a', 'k', 1), undefined)
    assert.equal(tree.add('a', 'k', 2), 1)
    assert.equal(tree.add('a', 'l', 3), undefined)
    assert.equal(tree.size, 2)
    assert.equal(tree.remove('a', 'k'), 2)
    assert.equal(tree.remove('a', 'k'), undefined)
    assert.equal(tree.remove('a/+', 'k'), undefined)
    assert.equal(tree.size, 1)
    assert.deepEqual(tree.match('a'), [3])
  })

  it('returns the same array until the tree changes, and does not change an array that it has returned', () => {
    const tree = new FilterTree<number>()
    tree.add('a', 'k', 1)
    tree.add('+', 'k', 2)
    const first = tree.match('a')
    assert.equal(tree.match('a'), first)
    tree.add('b', 'k', 3)
    assert.equal(tree.match('a'), first, 'an exact filter affects only its own topic')
    tree.add('#', 'k', 4)
    assert.deepEqual([...tree.match('a')].sort(), [1, 2, 4])
    tree.remove('a', 'k')
    assert.deepEqual([...tree.match('a')].sort(), [2, 4])
    assert.deepEqual(first, [2, 1])
  })

  it('stays correct if more topics are searched than the cache holds', () => {
    const tree = new FilterTree<number>()
    tree.add('t/+', 'k', 1)
    tree.add('t/7', 'k', 2)
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 40_000; i++) assert.equal(tree.match(`t/${i}`).length, i === 7 ? 2 : 1)
    }
    tree.remove('t/+', 'k')
    for (let i = 0; i < 40_000; i++) assert.equal(tree.match(`t/${i}`).length, i === 7 ? 1 : 0)
  })

  it('handles a topic of 65535 slashes', () => {
    const tree = new FilterTree<string>()
    const deep = '/'.repeat(65_535)
    const filters = [deep, `${'+/'.repeat(32_767)}+`, `${'+/'.repeat(32_767)}#`, `${deep.slice(2)}/#`]
    for (const filter of filters) tree.add(filter, 'k', filter)
    assert.equal(tree.match(deep).length, 3)
    assert.equal(tree.match('/'.repeat(32_767)).length, 2)
    for (const filter of filters) assert.equal(tree.remove(filter, 'k'), filter)
    assert.equal(tree.size, 0)
    assert.deepEqual(tree.match(deep), [])
  })

  it('accepts any kind of key', () => {
    const tree = new FilterTree<string, object>()
    const [one, two] = [{}, {}]
    tree.add('a/#', one, 'one')
    tree.add('a/#', two, 'two')
    assert.equal(tree.remove('a/#', one), 'one')
    assert.deepEqual(tree.match('a'), ['two'])
  })
})
