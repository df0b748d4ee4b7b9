/** A map that forgets entries by age and by number. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Recent } from '../../../lib/util/collections/recent.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'

const PERIOD_MS = 1000

function recent(capacity = 100) {
  const clock = new FakeClock()
  return { clock, map: new Recent<number>(new Timers(clock), { periodMs: PERIOD_MS, capacity }) }
}

it('keeps a value for one to two periods, and leaves no timer', async () => {
  const { clock, map } = recent()
  map.set('a', 1)
  await clock.advance(PERIOD_MS / 2)
  map.set('b', 2)
  await clock.advance(PERIOD_MS / 2 + 50)
  assert.deepEqual([map.get('a'), map.get('b')], [1, 2])
  await clock.advance(PERIOD_MS / 2 - 100)
  assert.equal(map.get('b'), 2)
  await clock.advance(PERIOD_MS)
  assert.deepEqual([map.get('a'), map.get('b'), map.size, clock.pendingTimers], [undefined, undefined, 0, 0])
})

it('restarts the period of a value that is set again', async () => {
  const { clock, map } = recent()
  for (let round = 0; round < 10; round++) {
    map.set('a', round)
    await clock.advance(PERIOD_MS)
    assert.deepEqual([map.get('a'), map.size], [round, 1])
  }
  map.delete('a')
  assert.deepEqual([map.get('a'), map.size], [undefined, 0])
})

it('never has more than twice its capacity, and drops the oldest', () => {
  const { map } = recent(10)
  for (let i = 0; i < 1000; i++) {
    map.set(String(i), i)
    assert(map.size <= 20)
  }
  assert.equal(map.get('999'), 999)
  assert.equal(map.get('990'), 990)
  assert.equal(map.get('0'), undefined)
})
