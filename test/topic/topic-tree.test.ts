/**
 * The topic tree: setting, deleting and searching, compared with the reference; changes during a search; hostile
 * shapes.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TopicTree } from '../../lib/topic/topic-tree.js'
import { runs } from '../support/effort.js'
import { filterArbitrary, referenceMatches, topicArbitrary } from './reference-matcher.js'

const step = fc.record({ remove: fc.boolean(), topic: topicArbitrary })

function treeOf(...topics: string[]): TopicTree<string> {
  const tree = new TopicTree<string>()
  for (const topic of topics) tree.set(topic, topic)
  return tree
}

describe('TopicTree', () => {
  it('finds the same as the reference, whatever was set and deleted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(filterArbitrary, { maxLength: 8 }), (steps, filters) => {
        const tree = new TopicTree<string>()
        const entries = new Map<string, string>()
        steps.forEach(({ remove, topic }, i) => {
          const value = `${topic} ${i}`
          const previous = entries.get(topic)
          assert.equal(remove ? tree.delete(topic) : tree.set(topic, value), previous)
          if (remove) entries.delete(topic)
          else entries.set(topic, value)
          assert.equal(tree.get(topic), entries.get(topic))
          assert.equal(tree.size, entries.size)
        })
        for (const filter of filters) {
          const expected = [...entries].filter(([topic]) => referenceMatches(filter, topic)).map(([, value]) => value)
          assert.deepEqual([...tree.match(filter)].sort(), expected.sort())
        }
      }),
      { numRuns: runs(2000) },
    )
  })

  it('does not match system topics with filters that start with a wildcard [MQTT-4.7.2-1]', () => {
    const tree = treeOf('$SYS', '$SYS/a', 'x', 'x/a')
    assert.deepEqual([...tree.match('#')].sort(), ['x', 'x/a'])
    assert.deepEqual([...tree.match('+/a')], ['x/a'])
    assert.deepEqual([...tree.match('$SYS/#')].sort(), ['$SYS', '$SYS/a'])
    assert.deepEqual([...tree.match('$SYS/+')], ['$SYS/a'])
  })

  it('searches only as far as requested', () => {
    const tree = new TopicTree<number>()
    for (let i = 0; i < 100_000; i++) tree.set(`t/${i}/x`, i)
    const search = tree.match('t/+/x')
    assert.equal(search.next().value, 0)
    assert.equal(search.next().value, 1)
    search.return()
  })

  it('may be emptied during a search', () => {
    const tree = treeOf('a', 'a/b', 'a/b/c', 'd/e', 'd/f', 'g')
    const seen = []
    for (const topic of tree.match('#')) {
      seen.push(topic)
      for (const other of ['a', 'a/b', 'a/b/c', 'd/e', 'd/f', 'g']) tree.delete(other)
    }
    assert.deepEqual(seen, ['a'])
    assert.equal(tree.size, 0)
  })

  it('finds entries that remain, even if others change during a search', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(topicArbitrary, { minLength: 1, maxLength: 20 }),
        fc.array(step, { minLength: 1, maxLength: 20 }),
        filterArbitrary,
        (kept, steps, filter) => {
          const tree = treeOf(...kept)
          const seen = new Set<string>()
          let i = 0
          for (const topic of tree.match(filter)) {
            seen.add(topic)
            const { remove, topic: changed } = steps[i++ % steps.length]!
            if (kept.includes(changed)) continue
            if (remove) tree.delete(changed)
            else tree.set(changed, changed)
          }
          for (const topic of kept) assert.equal(seen.has(topic), referenceMatches(filter, topic), topic)
        },
      ),
      { numRuns: runs(2000) },
    )
  })

  it('ends a search even if each step adds a topic', () => {
    const tree = treeOf('t/0', 't/1')
    let steps = 0
    for (const topic of tree.match('t/+')) {
      tree.delete(topic)
      tree.set(topic, topic)
      tree.set(`t/more${steps++}`, 'more')
    }
    assert.ok(steps <= 4)
  })

  it('handles a topic of 65535 slashes', () => {
    const deep = '/'.repeat(65_535)
    const tree = treeOf(deep, deep.slice(1), 'a')
    assert.equal([...tree.match('#')].length, 3)
    assert.equal([...tree.match(`${'+/'.repeat(32_767)}#`)].length, 2)
    assert.equal(tree.delete(deep), deep)
    assert.deepEqual([...tree.match('#')].length, 2)
  })
})
