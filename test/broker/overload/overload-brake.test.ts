/** When an overload begins and ends, with a fake probe. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OverloadBrake } from '../../../lib/broker/overload/overload-brake.js'
import { OverloadState } from '../../../lib/model/metering/overload.js'
import type { LoadReading } from '../../../lib/ports/load-probe.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'

const MIB = 2 ** 20
const QUIET: LoadReading = {
  eventLoopDelayMs: 0,
  heapBytes: 50 * MIB,
  heapLimitBytes: 1000 * MIB,
  containerBytes: Number.POSITIVE_INFINITY,
  bufferBytes: 0,
}

function scene(options: { maxEventLoopDelayMs?: number; maxMemoryBytes?: number }) {
  const clock = new FakeClock()
  const state = new OverloadState()
  const events: string[] = []
  const none = Number.POSITIVE_INFINITY
  let told: ((reading: LoadReading) => void) | undefined
  const brake = new OverloadBrake({
    state,
    options: { maxEventLoopDelayMs: none, maxMemoryBytes: none, ...options },
    probe: {
      start: call => {
        told = call
      },
      stop: () => {
        told = undefined
      },
    },
    timers: new Timers(clock),
    collectGarbage: () => events.push('collected'),
    events: { emit: (name, ...args) => void events.push(`${name} ${JSON.stringify(args[0])}`) },
  })
  brake.start()
  return {
    brake,
    state,
    clock,
    events,
    isRunning: () => told !== undefined,
    /** Repeats a reading. */
    read: async (change: Partial<LoadReading>, times: number) => {
      for (let i = 0; i < times; i++) {
        await clock.advance(500)
        told?.({ ...QUIET, ...change })
      }
    },
  }
}

describe('the overload brake', () => {
  it('starts with the second reading in a row above the event loop threshold, with an event that has the measurement', async () => {
    const { state, events, read } = scene({ maxEventLoopDelayMs: 200 })
    await read({ eventLoopDelayMs: 201 }, 1)
    assert.equal(state.isOn, false)
    await read({ eventLoopDelayMs: 200 }, 1)
    await read({ eventLoopDelayMs: 201 }, 1)
    assert.equal(state.isOn, false, 'the readings have to follow each other')
    await read({ eventLoopDelayMs: 300 }, 1)
    assert.equal(state.cause, 'event-loop')
    assert.deepEqual(events, [`overload {"cause":"event-loop","eventLoopDelayMs":300,"memoryBytes":${50 * MIB}}`])
  })

  it('ends with the sixth reading in a row that is well below the threshold', async () => {
    const { state, events, read } = scene({ maxEventLoopDelayMs: 200 })
    await read({ eventLoopDelayMs: 500 }, 2)
    await read({ eventLoopDelayMs: 101 }, 10)
    assert.equal(state.isOn, true, 'below the threshold, but not well below')
    await read({ eventLoopDelayMs: 100 }, 5)
    await read({ eventLoopDelayMs: 101 }, 1)
    await read({ eventLoopDelayMs: 100 }, 5)
    assert.equal(state.isOn, true)
    await read({ eventLoopDelayMs: 100 }, 1)
    assert.equal(state.isOn, false)
    assert.equal(events.length, 2)
    assert.match(events[1]!, /^overloadEnd .*"durationMs":11000}$/)
    await read({ eventLoopDelayMs: 500 }, 2)
    assert.equal(state.times, 2)
  })

  it('has a limit for heap and buffers together, and one for the heap alone', async () => {
    const bounded = scene({ maxMemoryBytes: 100 * MIB })
    await bounded.read({ bufferBytes: 50 * MIB }, 5)
    assert.equal(bounded.state.isOn, false)
    await bounded.read({ bufferBytes: 50 * MIB + 1 }, 2)
    assert.equal(bounded.state.cause, 'memory')
    assert.equal(bounded.state.memoryBytes, 100 * MIB + 1)
    await bounded.read({ bufferBytes: 41 * MIB }, 20)
    assert.equal(bounded.state.isOn, true)
    await bounded.read({ bufferBytes: 39 * MIB }, 6)
    assert.equal(bounded.state.isOn, false)

    const unbounded = scene({})
    await unbounded.read({ bufferBytes: 5000 * MIB, heapBytes: 900 * MIB, eventLoopDelayMs: 5000 }, 5)
    assert.equal(unbounded.state.isOn, false)
    await unbounded.read({ heapBytes: 901 * MIB }, 2)
    assert.equal(unbounded.state.cause, 'memory')
  })

  it('starts before a container reaches its limit: at nine tenths of it, less the memory of code and sockets', async () => {
    const small = scene({})
    const room = 0.9 * 200 - 48
    await small.read({ containerBytes: 200 * MIB, bufferBytes: (room - 50) * MIB }, 2)
    assert.equal(small.state.isOn, false)
    await small.read({ containerBytes: 200 * MIB, bufferBytes: (room - 49) * MIB }, 2)
    assert.equal(small.state.cause, 'memory')

    const tiny = scene({})
    await tiny.read({ containerBytes: 60 * MIB, heapBytes: 20 * MIB }, 2)
    assert.equal(tiny.state.isOn, false, 'a third is always allowed')

    const own = scene({ maxMemoryBytes: 100 * MIB })
    await own.read({ containerBytes: 1000 * MIB, bufferBytes: 51 * MIB }, 2)
    assert.equal(own.state.cause, 'memory', 'the lower limit applies')
  })

  it('stops measuring when it is closed', async () => {
    const { brake, isRunning, read, events } = scene({ maxMemoryBytes: 1 })
    assert.equal(isRunning(), true)
    await read({}, 1)
    brake.stop()
    assert.equal(isRunning(), false)
    await read({}, 10)
    assert.deepEqual(events, [])
  })

  it('collects garbage every ten seconds of a memory overload in which memory does not become less', async () => {
    const { events, read } = scene({ maxMemoryBytes: 100 * MIB })
    const collections = () => events.filter(event => event === 'collected').length
    await read({ bufferBytes: 80 * MIB }, 2 + 19)
    assert.equal(collections(), 0)
    await read({ bufferBytes: 80 * MIB }, 1)
    assert.equal(collections(), 1)
    for (let i = 0; i < 20; i++) {
      await read({ bufferBytes: 81 * MIB }, 10)
      await read({ bufferBytes: 80 * MIB }, 1)
    }
    assert.equal(collections(), 1, 'memory became less: V8 collects by itself')
    await read({ bufferBytes: 30 * MIB }, 10)
    assert.match(events.at(-1)!, /^overloadEnd/)
  })

  it('collects no garbage while the event loop is late, or while there is no overload', async () => {
    const { events, read } = scene({ maxEventLoopDelayMs: 200 })
    await read({ bufferBytes: 80 * MIB }, 50)
    await read({ eventLoopDelayMs: 300 }, 50)
    assert.equal(events.includes('collected'), false)
  })
})
