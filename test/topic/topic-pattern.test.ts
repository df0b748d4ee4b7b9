/** Topics with named levels: to filters, to names, and back. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { filterMatches, topic } from '../../lib/index.js'
import { runs } from '../support/effort.js'

describe('a topic with named levels', () => {
  const temperature = topic('sensors/:room/temperature')

  it('has a filter', () => {
    assert.equal(temperature.filter, 'sensors/+/temperature')
    assert.equal(`${temperature}`, 'sensors/+/temperature')
    assert.equal(temperature.shared('workers'), '$share/workers/sensors/+/temperature')
    assert.equal(topic('log/:level/*rest').filter, 'log/+/#')
    assert.equal(topic('plain/topic').filter, 'plain/topic')
  })

  it('gets the levels from a topic', () => {
    assert.deepEqual(temperature.match('sensors/kitchen/temperature'), { room: 'kitchen' })
    assert.equal(temperature.match('sensors/kitchen/humidity'), undefined)
    assert.equal(temperature.match('sensors/a/b/temperature'), undefined)
    const log = topic('log/:level/*rest')
    assert.deepEqual(log.match('log/warn/a/b'), { level: 'warn', rest: 'a/b' })
    assert.deepEqual(log.match('log/warn'), { level: 'warn', rest: '' })
    assert.equal(topic('*all').match('$SYS/x'), undefined)
  })

  it('makes a topic from levels', () => {
    assert.equal(temperature.name({ room: 'kitchen' }), 'sensors/kitchen/temperature')
    assert.equal(topic(':a/:b').name({ a: 1, b: 'x' }), '1/x')
    assert.equal(topic('log/*rest').name({ rest: 'a/b' }), 'log/a/b')
    assert.equal(topic('plain').name(), 'plain')
  })

  it('refuses levels that would make a different topic', () => {
    for (const room of ['', 'a/b', '+', '#', 'a\0b']) {
      assert.throws(() => temperature.name({ room }), { code: 'ANAX_ERR_ARGUMENT' })
    }
    assert.throws(() => temperature.name({} as { room: string }), /room has to be a level/)
    assert.throws(() => temperature.shared('a/b'), { code: 'ANAX_ERR_ARGUMENT' })
    for (const pattern of ['', 'a/+', 'a/#', ':a/:a', '*rest/a', ':', ':1', 'a\0']) {
      assert.throws(() => topic(pattern), { code: 'ANAX_ERR_ARGUMENT' }, pattern)
    }
  })

  it('parses the topics that it has made, and its filter matches them', () => {
    const level = fc.string({ minLength: 1, unit: fc.constantFrom(...'abc$ é:*') })
    fc.assert(
      fc.property(level, level, (room, kind) => {
        const pattern = topic('s/:room/:kind')
        const name = pattern.name({ room, kind })
        assert.deepEqual(pattern.match(name), { room, kind })
        assert.ok(filterMatches(pattern.filter, name))
      }),
      { numRuns: runs(100) },
    )
  })
})
