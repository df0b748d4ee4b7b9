/** Token buckets: how much passes in a time, and equal shares for those that wait. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { IdleMap } from '../../../lib/util/collections/idle-map.js'
import { RateBucket, type Waiter } from '../../../lib/util/scheduling/rate-bucket.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'

function fixture(perSecond: number) {
  const clock = new FakeClock()
  return { clock, bucket: new RateBucket(perSecond, new Timers(clock)) }
}

/** Takes as much as it can get, one by one. */
class Greedy implements Waiter {
  got = 0
  readonly #bucket: RateBucket
  readonly #wants: number

  constructor(bucket: RateBucket, wants = Number.POSITIVE_INFINITY) {
    this.#bucket = bucket
    this.#wants = wants
    if (bucket.isClosed) bucket.wait(this)
    else this.passes()
  }

  passes(): void {
    while (this.got < this.#wants) {
      if (this.#bucket.isClosed) {
        this.#bucket.wait(this)
        return
      }
      this.#bucket.pay(1)
      this.got++
    }
  }
}

describe('a bucket', () => {
  it('lets one second’s worth pass immediately, then no more than its rate', async () => {
    const { clock, bucket } = fixture(100)
    const one = new Greedy(bucket)
    assert.equal(one.got, 100)
    await clock.advance(10_000)
    assert.ok(Math.abs(one.got - 1100) <= 10, `${one.got}`)
  })

  it('shares its tokens equally among those that wait', async () => {
    const { clock, bucket } = fixture(1000)
    const greedy = Array.from({ length: 20 }, () => new Greedy(bucket))
    const modest = new Greedy(bucket, 5)
    await clock.advance(1000)
    assert.equal(modest.got, 5)
    const [, ...others] = greedy.map(({ got }) => got)
    assert.ok(Math.min(...others) > 0.5 * Math.max(...others), others.join(' '))
  })

  it('accepts a payment larger than its size, and recovers in time', async () => {
    const { clock, bucket } = fixture(10)
    bucket.pay(110)
    assert.equal(bucket.isClosed, true)
    await clock.advance(9_900)
    assert.equal(bucket.isClosed, true)
    await clock.advance(200)
    assert.equal(bucket.isClosed, false)
  })

  it('has no timer once its last waiter leaves', () => {
    const { clock, bucket } = fixture(1)
    const one = new Greedy(bucket)
    assert.equal(clock.pendingTimers, 1)
    bucket.leave(one)
    assert.equal(bucket.isFull, false)
  })

  it('below one per second lets one pass after another', async () => {
    const { clock, bucket } = fixture(0.5)
    assert.deepEqual([bucket.take(), bucket.take()], [true, false])
    await clock.advance(1900)
    assert.equal(bucket.take(), false)
    await clock.advance(200)
    assert.equal(bucket.take(), true)
  })
})

describe('a map of idle values', () => {
  it('contains only values in use', () => {
    const inUse = new Set(['k5', 'k50'])
    const map = new IdleMap<string>(value => !inUse.has(value))
    for (let i = 0; i < 1000; i++) map.obtain(`k${i}`, () => `k${i}`)
    assert.ok(map.size <= 5, `${map.size}`)
    assert.equal(map.get('k5'), 'k5')
    assert.equal(map.get('k50'), 'k50')
  })
})
