/** One message for many sessions: delivery can pause after each of them, and continues with the next. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ensureRecord } from '../../lib/model/routing-record.js'
import { FanOut } from '../../lib/routing/fan-out.js'
import { Route } from '../../lib/routing/route.js'
import { SharedGroup } from '../../lib/routing/shared/shared-group.js'
import { message, NotingSession } from './support.js'

function scene(count: number) {
  const sessions = Array.from({ length: count }, (_, i) => new NotingSession(`c${i}`))
  const route = new Route(sessions.map(session => session.subscribe('t', { qos: 1 })))
  route.build(count)
  const reached = () => sessions.filter(({ got }) => got.length > 0).length
  return { sessions, route, reached }
}

describe('a fan-out', () => {
  it('reaches each session once, in steps of any size', () => {
    for (const slice of [1, 3, 10, 11, Number.POSITIVE_INFINITY]) {
      const { sessions, route, reached } = scene(10)
      const fanOut = new FanOut(message('t', 'x'), route, () => {})
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

  it('delivers to all sessions first, then to each shared group', () => {
    const { route, reached } = scene(2)
    const groups = ['a', 'b', 'c'].map(name => new SharedGroup(`$share/${name}/t`))
    const given: [number, string][] = []
    const deliverShared = (_message: unknown, { share }: SharedGroup) => void given.push([reached(), share])
    const fanOut = new FanOut(message('t', 'x'), { targets: route.targets, groups }, deliverShared)
    fanOut.run(3)
    assert.deepEqual(given, [[2, '$share/a/t']])
    fanOut.run(1)
    assert.equal(fanOut.isDone, false)
    fanOut.run(9)
    assert(fanOut.isDone)
    assert.deepEqual(
      given.map(([, share]) => share),
      groups.map(({ share }) => share),
    )
  })

  it('shares one copy across its steps', () => {
    const { sessions, route } = scene(4)
    const fanOut = new FanOut(message('t'), route, () => {})
    while (!fanOut.isDone) fanOut.run(1)
    assert.equal(new Set(sessions.map(({ got }) => got[0])).size, 1)
  })

  it('respects changes of the routing record between its steps', () => {
    const { sessions, route } = scene(4)
    const published = message('t', 'x')
    const fanOut = new FanOut(published, route, () => {})
    fanOut.run(2)
    ensureRecord(published).withhold('c2')
    fanOut.run(2)
    assert.deepEqual(
      sessions.map(({ got }) => got.length),
      [1, 1, 0, 1],
    )
  })
})
