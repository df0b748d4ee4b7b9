/** The deadlines of one connection: CONNECT, keep alive, drain, closing; and that no timer is left. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConnectionTimers } from '../../lib/connection/connection-timers.js'
import type { ResolvedOptions } from '../../lib/ports/resolved-options.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { Timers } from '../../lib/util/scheduling/timers.js'

function fixture({ connectTimeout = 30_000, drainTimeout = 10_000 } = {}) {
  const clock = new FakeClock()
  const missed: string[] = []
  const options = { connectTimeout, drainTimeout } as ResolvedOptions
  const timers = new ConnectionTimers(new Timers(clock), options, { deadlinePassed: what => missed.push(what) })
  return { clock, timers, missed }
}

describe('a connection without CONNECT', () => {
  it('expires once, after the connect timeout', async () => {
    const { clock, missed } = fixture()
    await clock.advance(29_000)
    assert.deepEqual(missed, [])
    await clock.advance(60_000)
    assert.deepEqual(missed, ['connect'])
  })
})

describe('the keep alive', () => {
  it('expires after one and a half times its interval', async () => {
    const { clock, timers, missed } = fixture()
    timers.received()
    timers.connected(10)
    await clock.advance(14_900)
    assert.deepEqual(missed, [])
    await clock.advance(200)
    assert.deepEqual(missed, ['keep-alive'])
  })

  it('restarts with every received chunk', async () => {
    const { clock, timers, missed } = fixture()
    timers.received()
    timers.connected(10)
    for (let i = 0; i < 10; i++) {
      await clock.advance(14_000)
      timers.received()
    }
    assert.deepEqual(missed, [])
    await clock.advance(14_900)
    assert.deepEqual(missed, [])
    await clock.advance(200)
    assert.deepEqual(missed, ['keep-alive'])
  })

  it('of 0 never expires, and CONNECT ends the connect timeout', async () => {
    const { clock, timers, missed } = fixture()
    timers.connected(0)
    await clock.advance(1e8)
    assert.deepEqual(missed, [])
    assert.equal(clock.pendingTimers, 0)
  })
})

describe('a stream that is full', () => {
  it('expires if it stays full', async () => {
    const { clock, timers, missed } = fixture()
    timers.connected(0)
    timers.blocked()
    await clock.advance(9900)
    assert.deepEqual(missed, [])
    await clock.advance(200)
    assert.deepEqual(missed, ['drain'])
  })

  it('does not expire while it drains repeatedly', async () => {
    const { clock, timers, missed } = fixture()
    timers.connected(0)
    for (let i = 0; i < 20; i++) {
      timers.blocked()
      await clock.advance(6000)
      timers.drained()
      await clock.advance(10)
    }
    assert.deepEqual(missed, [])
    await clock.advance(60_000)
    assert.deepEqual(missed, [])
    assert.equal(clock.pendingTimers, 0)
  })

  it('is timed from when it last became full', async () => {
    const { clock, timers, missed } = fixture()
    timers.connected(0)
    timers.blocked()
    await clock.advance(5000)
    timers.drained()
    timers.blocked()
    await clock.advance(9900)
    assert.deepEqual(missed, [])
    await clock.advance(200)
    assert.deepEqual(missed, ['drain'])
  })

  it('never expires if the time is 0', async () => {
    const { clock, timers, missed } = fixture({ drainTimeout: 0 })
    timers.connected(0)
    timers.blocked()
    await clock.advance(1e8)
    assert.deepEqual(missed, [])
  })
})

describe('a connection that ends', () => {
  it('has only the closing deadline', async () => {
    const { clock, timers, missed } = fixture()
    timers.connected(1)
    timers.blocked()
    timers.closing()
    await clock.advance(60_000)
    assert.deepEqual(missed, ['close'])
  })

  it('leaves no timer', () => {
    const { clock, timers } = fixture()
    timers.connected(10)
    timers.blocked()
    timers.stop()
    return clock.advance(1e6).then(() => assert.equal(clock.pendingTimers, 0))
  })
})
