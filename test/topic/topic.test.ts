/** Topic names, filters and shared filters: validity and matching. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  filterMatches,
  hasWildcard,
  isSharedFilter,
  isSystemTopic,
  isTopicFilter,
  isTopicName,
  levelCount,
  parseShare,
} from '../../lib/topic/topic.js'
import { runs } from '../support/effort.js'
import { filterArbitrary, referenceMatches, topicArbitrary } from './reference-matcher.js'

describe('topic names', () => {
  for (const topic of ['a', '/', 'a/b', '/a', 'a/', 'a//b', '$SYS/x', ' ', 'a b', 'ü/😀', '__proto__']) {
    it(`accepts '${topic}'`, () => assert.equal(isTopicName(topic), true))
  }
  for (const topic of ['', '#', '+', 'a/#', 'a/+/b', 'a#', 'a+b', 'a\u0000b']) {
    it(`refuses ${JSON.stringify(topic)} [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2]`, () =>
      assert.equal(isTopicName(topic), false))
  }
})

describe('topic filters', () => {
  for (const filter of [
    'a',
    '/',
    '#',
    '+',
    '/#',
    '/+',
    '+/',
    '+/+',
    'a/#',
    'a/+/b',
    '+/a/#',
    '$SYS/#',
    '$share',
    '//',
  ]) {
    it(`accepts '${filter}'`, () => assert.equal(isTopicFilter(filter), true))
  }
  for (const filter of ['', 'a#', '#/', '#/a', 'a/#/b', '##', 'a/b#', '#a', '#+', '+#']) {
    it(`refuses '${filter}' [MQTT-4.7.1-1] [MQTT-4.7.3-1]`, () => assert.equal(isTopicFilter(filter), false))
  }
  for (const filter of ['a+', '+a', 'a/+b', 'a/b+/c', '++', '+/a+']) {
    it(`refuses '${filter}' [MQTT-4.7.1-2]`, () => assert.equal(isTopicFilter(filter), false))
  }
  it('refuses U+0000 [MQTT-4.7.3-2]', () => assert.equal(isTopicFilter('a/\u0000'), false))
})

describe('shared filters', () => {
  const valid: [string, string, string][] = [
    ['$share/g/a', 'g', 'a'],
    ['$share/g/#', 'g', '#'],
    ['$share/g//', 'g', '/'],
    ['$share/group one/a/+/b', 'group one', 'a/+/b'],
    ['$share/$g/$SYS/#', '$g', '$SYS/#'],
    ['$share/g/$share/h/a', 'g', '$share/h/a'],
  ]
  for (const [filter, group, rest] of valid) {
    it(`parses '${filter}'`, () => {
      assert.deepEqual(parseShare(filter), { group, filter: rest })
      assert.equal(isTopicFilter(filter), true)
    })
  }
  for (const filter of ['$share/', '$share//a', '$share/g', '$share/g/', '$share/+/a', '$share/g#/a', '$share/g/a#']) {
    it(`refuses '${filter}' [MQTT-4.8.2-1] [MQTT-4.8.2-2]`, () => {
      assert.equal(isSharedFilter(filter), true)
      assert.equal(parseShare(filter), undefined)
      assert.equal(isTopicFilter(filter), false)
    })
  }
  for (const filter of ['$share', '$shared/g/a', 'share/g/a', 'a/$share/g/a', '$SHARE/g/a']) {
    it(`treats '${filter}' as an ordinary filter`, () => {
      assert.equal(isSharedFilter(filter), false)
      assert.equal(parseShare(filter), undefined)
      assert.equal(isTopicFilter(filter), true)
    })
  }
})

describe('levels and kinds', () => {
  it('counts levels, including empty ones', () => {
    assert.deepEqual(['a', '/', 'a/b', '//', 'a/'].map(levelCount), [1, 2, 2, 3, 2])
  })
  it('recognizes filters with wildcards', () => {
    assert.deepEqual(['a/b', '#', 'a/+', '', '+/a'].map(hasWildcard), [false, true, true, false, true])
  })
  it('recognizes system topics', () => {
    assert.deepEqual(['$SYS', '$', 'a/$', ''].map(isSystemTopic), [true, true, false, false])
  })
})

describe('filterMatches', () => {
  const cases: [string, string, boolean][] = [
    ['sport/#', 'sport', true],
    ['sport/#', 'sports', false],
    ['sport/tennis/+', 'sport/tennis', false],
    ['sport/+', 'sport/', true],
    ['+', '/finance', false],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+/#', 'sport', true],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS', true],
    ['$SYS/+', '$SYS/a', true],
    ['a', 'A', false],
  ]
  for (const [filter, topic, expected] of cases) {
    it(`'${filter}' ${expected ? 'matches' : 'does not match'} '${topic}'`, () =>
      assert.equal(filterMatches(filter, topic), expected))
  }
  it('agrees with the reference', () => {
    fc.assert(
      fc.property(filterArbitrary, topicArbitrary, (filter, topic) => {
        assert.equal(filterMatches(filter, topic), referenceMatches(filter, topic))
      }),
      { numRuns: runs(5000) },
    )
  })
})

describe('the generators of these tests', () => {
  it('make valid topics and filters', () => {
    fc.assert(fc.property(topicArbitrary, topic => assert.ok(isTopicName(topic))))
    fc.assert(fc.property(filterArbitrary, filter => assert.ok(isTopicFilter(filter))))
  })
})
