/** Deadlines behind one timer of the clock: order, granularity, and none is lost or left. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Fairness } from '../../../lib/util/scheduling/fairness.js'
import { Timer, Timers } from '../../../lib/util/scheduling/timers.js'
import { runs } from '../../support/effort.js'

const GRANULARITY_MS = 50

function fixture() {
  const clock = new FakeClock()
  const timers = new Timers(clock)
  const fired: { name: string; at: number }[] = []
  const begin = clock.now()
  const timer = (name: string) => new Timer(() => fired.push({ name, at: clock.now() - begin }))
  return { clock, timers, fired, timer, names: () => fired.map(({ name }) => name) }
}

describe('thousands of timers that are due at once', () => {
  it('fire in many turns of the event loop, each once', async () => {
    const clock = new FakeClock()
    const fairness = new Fairness({ turnUnits: 400, shareUnits: 400 })
    const timers = new Timers(clock, fairness)
    const fired: { number: number; turn: number }[] = []
    for (let number = 0; number < 2000; number++) {
      timers.schedule(new Timer(() => fired.push({ number, turn: fairness.turn })), 1000)
    }
    await clock.advance(1000)
    while (fired.length < 2000) await new Promise(resolve => setImmediate(resolve))
    const perTurn = new Map<number, number>()
    for (const { turn } of fired) perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1)
    assert(Math.max(...perTurn.values()) <= 200, 'too many in one turn')
    assert.equal(new Set(fired.map(({ number }) => number)).size, 2000)
    assert.equal(clock.pendingTimers, 0)
  })
})

describe('a timer', () => {
  it('fires once, not early and at most 50 ms late', async () => {
    const { clock, timers, fired, timer } = fixture()
    for (const delay of [0, 1, 49, 50, 51, 1234]) timers.schedule(timer(String(delay)), delay)
    await clock.advance(10_000)
    for (const { name, at } of fired) {
      assert(at >= Number(name), `${name} at ${at}`)
      assert(at <= Number(name) + GRANULARITY_MS, `${name} at ${at}`)
    }
    assert.equal(fired.length, 6)
    assert.equal(clock.pendingTimers, 0)
  })

  it('that is cancelled does not fire, and may be cancelled again', async () => {
    const { clock, timers, timer, names } = fixture()
    const [one, two, three] = ['one', 'two', 'three'].map(timer)
    for (const each of [one!, two!, three!]) timers.schedule(each, 100)
    timers.cancel(two!)
    timers.cancel(two!)
    timers.cancel(timer('never scheduled'))
    await clock.advance(1000)
    assert.deepEqual(names(), ['one', 'three'])
  })

  it('that is scheduled again fires at its new time only', async () => {
    const { clock, timers, timer, fired } = fixture()
    const [later, sooner] = ['later', 'sooner'].map(timer)
    timers.schedule(later!, 100)
    timers.schedule(sooner!, 5000)
    timers.schedule(later!, 1000)
    timers.schedule(sooner!, 200)
    await clock.advance(10_000)
    assert.deepEqual(fired, [
      { name: 'sooner', at: 200 },
      { name: 'later', at: 1000 },
    ])
  })

  it('may schedule itself and others when it fires', async () => {
    const { clock, timers, fired, timer } = fixture()
    const child = timer('child')
    let rounds = 0
    const parent: Timer = new Timer(() => {
      timers.schedule(child, 30)
      if (++rounds < 3) timers.schedule(parent, 100)
    })
    timers.schedule(parent, 100)
    await clock.advance(1000)
    assert.deepEqual(
      fired.map(({ at }) => at),
      [150, 250, 350],
    )
  })

  it('that another one cancels at the same time does not fire', async () => {
    const { clock, timers, timer, names } = fixture()
    const victim = timer('victim')
    timers.schedule(new Timer(() => timers.cancel(victim)), 100)
    timers.schedule(victim, 101)
    await clock.advance(1000)
    assert.deepEqual(names(), [])
    assert.equal(victim.index, -1)
  })

  it('that throws does not prevent others', async t => {
    const thrown: string[] = []
    process.setUncaughtExceptionCaptureCallback(error => thrown.push(error.message))
    t.after(() => process.setUncaughtExceptionCaptureCallback(null))
    const sockets = async () => {
      for (let turn = 0; turn < 3; turn++) await nextTurn()
    }
    let now = 0
    let ring = () => {}
    const timers = new Timers({
      now: () => now,
      setTimeout: callback => {
        ring = callback
      },
      clearTimeout: () => {},
    })
    const fired: string[] = []
    timers.schedule(
      new Timer(() => {
        throw new Error('on purpose')
      }),
      100,
    )
    timers.schedule(new Timer(() => fired.push('same time')), 100)
    timers.schedule(new Timer(() => fired.push('later')), 500)
    now = 100
    ring()
    await sockets()
    assert.deepEqual(thrown, ['on purpose'])
    ring()
    await sockets()
    now = 500
    ring()
    await sockets()
    assert.deepEqual(fired, ['same time', 'later'])
  })
})

describe('timers', () => {
  it('fire in the order of their deadlines, whatever was scheduled, moved and cancelled', async () => {
    const operation = fc.record({
      timer: fc.nat(30),
      action: fc.constantFrom('schedule', 'schedule', 'cancel'),
      delay: fc.nat(5000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 120 }), async operations => {
        const { clock, timers, fired, timer } = fixture()
        const all = Array.from({ length: 31 }, (_, i) => timer(String(i)))
        const expected = new Map<string, number>()
        for (const { timer: index, action, delay } of operations) {
          if (action === 'cancel') {
            timers.cancel(all[index]!)
            expected.delete(String(index))
          } else {
            timers.schedule(all[index]!, delay)
            expected.set(String(index), Math.ceil(delay / GRANULARITY_MS) * GRANULARITY_MS)
          }
        }
        await clock.advance(6000)
        const times = fired.map(({ at }) => at)
        assert.deepEqual(
          times,
          [...times].sort((a, b) => a - b),
        )
        assert.equal(fired.length, expected.size)
        for (const { name, at } of fired) assert.equal(at, Math.max(1, expected.get(name)!))
      }),
      { numRuns: runs(50) },
    )
  })

  it('share one timer of the clock, and take none without a deadline', async () => {
    const { clock, timers, timer } = fixture()
    const many = Array.from({ length: 1000 }, (_, i) => timer(String(i)))
    for (const [i, each] of many.entries()) timers.schedule(each, 1000 - i)
    assert.equal(clock.pendingTimers, 1)
    for (const each of many) timers.cancel(each)
    await clock.advance(2000)
    assert.equal(clock.pendingTimers, 0)
  })

  it('that are cleared may be used again', async () => {
    const { clock, timers, timer, names } = fixture()
    const one = timer('one')
    timers.schedule(one, 100)
    timers.clear()
    assert.equal(clock.pendingTimers, 0)
    assert.equal(one.index, -1)
    timers.schedule(timer('two'), 300)
    await clock.advance(1000)
    assert.deepEqual(names(), ['two'])
  })
})

describe('within', () => {
  it('ends with the promise, or with the time, and leaves no timer', async () => {
    const { clock, timers } = fixture()
    await timers.within(1000, Promise.resolve())
    let late = false
    const waiting = timers.within(1000, new Promise(() => {})).then(() => {
      late = true
    })
    await clock.advance(900)
    assert.equal(late, false)
    await clock.advance(200)
    await waiting
    assert.equal(clock.pendingTimers, 0)
  })

  it('rejects with the promise, and leaves no timer', async () => {
    const { clock, timers } = fixture()
    const fired: string[] = []
    await assert.rejects(timers.within(1000, Promise.reject(new Error('no'))), /no/)
    timers.schedule(new Timer(() => fired.push('next')), 5000)
    await clock.advance(2000)
    // a timer that was left would have fired, and set the clock again
    assert.deepEqual(fired, [])
    timers.clear()
    assert.equal(clock.pendingTimers, 0)
  })

  it('has no limit if it is 0', async () => {
    const { clock, timers } = fixture()
    let done = false
    let finish = () => {}
    const waiting = timers
      .within(
        0,
        new Promise<void>(resolve => {
          finish = resolve
        }),
      )
      .then(() => {
        done = true
      })
    await clock.advance(1e9)
    assert.equal(done, false)
    finish()
    await waiting
  })
})
