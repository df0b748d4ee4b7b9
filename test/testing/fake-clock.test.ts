/** A clock that only the test moves. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../lib/testing/index.js'

describe('FakeClock', () => {
  it('stands still until it is advanced', async () => {
    const clock = new FakeClock(1000)
    let rang = 0
    clock.setTimeout(() => rang++, 10)
    assert.equal(clock.now(), 1000)
    await clock.advance(9)
    assert.deepEqual([clock.now(), rang], [1009, 0])
    await clock.advance(1)
    assert.deepEqual([clock.now(), rang], [1010, 1])
  })

  it('runs timers in the order in which they are due, at their own time', async () => {
    const clock = new FakeClock(0)
    const order: [string, number][] = []
    const note = (name: string) => () => order.push([name, clock.now()])
    clock.setTimeout(note('late'), 20)
    clock.setTimeout(note('early'), 10)
    clock.setTimeout(note('as early'), 10)
    await clock.advance(100)
    assert.deepEqual(order, [
      ['early', 10],
      ['as early', 10],
      ['late', 20],
    ])
  })

  it('runs timers that other timers set, if they are due in the same advance', async () => {
    const clock = new FakeClock(0)
    const times: number[] = []
    const tick = () => {
      times.push(clock.now())
      clock.setTimeout(tick, 10)
    }
    clock.setTimeout(tick, 10)
    await clock.advance(35)
    assert.deepEqual(times, [10, 20, 30])
    assert.equal(clock.pendingTimers, 1)
  })

  it('lets promises settle before the next timer', async () => {
    const clock = new FakeClock()
    const order: string[] = []
    clock.setTimeout(async () => {
      await Promise.resolve()
      await new Promise(resolve => setImmediate(resolve))
      order.push('what the first began')
    }, 1)
    clock.setTimeout(() => order.push('the second'), 2)
    await clock.advance(2)
    assert.deepEqual(order, ['what the first began', 'the second'])
  })

  it('forgets a timer that was cleared', async () => {
    const clock = new FakeClock()
    clock.clearTimeout(clock.setTimeout(() => assert.fail('cleared'), 1))
    assert.equal(clock.pendingTimers, 0)
    await clock.advance(10)
  })

  it('has a wall clock that can be set without affecting timers', async () => {
    const clock = new FakeClock(1000)
    let rang = 0
    clock.setTimeout(() => rang++, 10)
    clock.setWallTime(5000)
    assert.deepEqual([clock.now(), clock.monotonic()], [5000, 0])
    await clock.advance(9)
    assert.equal(rang, 0)
    clock.setWallTime(0)
    await clock.advance(1)
    assert.deepEqual([clock.now(), clock.monotonic(), rang], [1, 10, 1])
  })
})
