/** When a node handles the deadlines of disconnected sessions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionDeadlines } from '../../../lib/cluster/sessions/session-deadlines.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'

const HOUR = 3_600_000

function deadlinesOf(clock: FakeClock, processDue: (clientId: string) => Promise<void>) {
  return new SessionDeadlines({ timers: new Timers(clock), failed: () => {}, processDue })
}

test('the deadlines of a session whose node is gone are handled immediately, whatever that node wrote before', async () => {
  const clock = new FakeClock()
  const seen: string[] = []
  const deadlines = deadlinesOf(clock, async clientId => {
    seen.push(clientId)
  })
  for (const stale of [clock.now() + HOUR, undefined]) {
    deadlines.setOrphan('gone')
    deadlines.set('gone', stale)
    await clock.advance(100)
    assert.deepEqual(seen.splice(0), ['gone'])
  }
  deadlines.set('gone', clock.now() + HOUR)
  await clock.advance(HOUR - 1000)
  assert.deepEqual(seen, [])
  await clock.advance(2000)
  assert.deepEqual(seen, ['gone'])
  deadlines.stop()
})

test('a deadline that cannot be handled is tried again', async () => {
  const clock = new FakeClock()
  let tries = 0
  const deadlines = deadlinesOf(clock, async () => {
    if (++tries < 3) throw new Error('the engine does not answer')
  })
  deadlines.setOrphan('gone')
  await clock.advance(10_000)
  assert.equal(tries, 3)
  deadlines.stop()
})
