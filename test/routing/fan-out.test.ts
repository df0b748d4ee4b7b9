/** One message for many sessions: it can stop after any of them, and goes on where it stopped. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ensureRecord } from '../../lib/model/routing-record.js'
import { FanOut } from '../../lib/routing/fan-out.js'
import { Route } from '../../lib/routing/route.js'
import { message, NotingSession } from './support.js'

function scene(count: number) {
  const sessions = Array.from({ length: count }, (_, i) => new NotingSession(`c${i}`))
  const { targets } = new Route(sessions.map(session => session.subscribe('t', { qos: 1 })))
  const reached = () => sessions.filter(({ got }) => got.length > 0).length
  return { sessions, targets, reached }
}

describe('a fan-out', () => {
  it('reaches each session once, in slices of any size', () => {
    for (const slice of [1, 3, 10, 11, Number.POSITIVE_INFINITY]) {
      const { sessions, targets, reached } = scene(10)
      const fanOut = new FanOut(message('t', 'x'), targets)
      for (let sent = 0; !fanOut.isDone; ) {
        fanOut.run(slice)
        sent = Math.min(10, sent + slice)
        assert.equal(reached(), sent)
      }
      assert.deepEqual(
        sessions.map(({ texts }) => texts),
        sessions.map(() => ['x']),
      )
      fanOut.run(slice)
      assert.equal(reached(), 10)
    }
  })

  it('shares one copy across pauses', () => {
    const { sessions, targets } = scene(4)
    const fanOut = new FanOut(message('t'), targets)
    while (!fanOut.isDone) fanOut.run(1)
    assert.equal(new Set(sessions.map(({ got }) => got[0])).size, 1)
  })

  it('heeds what is noted of the message while it pauses', () => {
    const { sessions, targets } = scene(4)
    const published = message('t', 'x')
    const fanOut = new FanOut(published, targets)
    fanOut.run(2)
    ensureRecord(published).withhold('c2')
    fanOut.run(2)
    assert.deepEqual(
      sessions.map(({ got }) => got.length),
      [1, 1, 0, 1],
    )
  })
})
