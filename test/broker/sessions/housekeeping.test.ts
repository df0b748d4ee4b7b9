/** Due deadlines are handled in steps with turns of the event loop between them, and no more often than needed. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { Housekeeping } from '../../../lib/broker/sessions/housekeeping.js'
import type { SessionRegistry } from '../../../lib/broker/sessions/session-registry.js'
import { createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import type { EventSink } from '../../../lib/ports/event-sink.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { SessionPersistence, SweepResult } from '../../../types/persistence.js'

const DUE = 1_000_000

/** A store with many messages that expire together; each step removes as many as it may. */
function fixture(due: number, sweep?: () => SweepResult | Promise<SweepResult>) {
  const clock = new FakeClock()
  const timers = new Timers(clock)
  const deadline = clock.now() + 1000
  const steps: { took: number; turn: number }[] = []
  const told: string[] = []
  let left = due
  let turn = 0
  const store = {
    nextDeadline: () => (left > 0 ? deadline : undefined),
    sweep: (now: number, limit: number): SweepResult | Promise<SweepResult> => {
      assert(now >= deadline)
      const took = Math.min(limit, left)
      left -= took
      steps.push({ took, turn })
      return sweep?.() ?? { dropped: [], retained: [], more: left > 0 }
    },
  } as unknown as SessionPersistence
  const nothing = async () => false
  const sessions = {
    hasFailedWrites: false,
    retryFailedWrites: nothing,
    publishDueWills: nothing,
    endExpired: nothing,
  } as unknown as SessionRegistry
  const events = { emit: (name: string) => told.push(name) } as unknown as EventSink
  const housekeeping = new Housekeeping({ store, sessions, events, timers })
  return {
    clock,
    housekeeping,
    steps,
    told,
    left: () => left,
    /** Runs the event loop until everything is done. */
    work: async () => {
      for (; left > 0 && turn < due; turn++) await new Promise(resolve => setImmediate(resolve))
    },
  }
}

describe('a million deadlines at once', () => {
  it('are handled in small steps, with turns of the event loop between them', async () => {
    const { clock, housekeeping, steps, work } = fixture(DUE)
    housekeeping.look()
    await clock.advance(1100)
    await work()
    const largest = Math.max(...steps.map(({ took }) => took))
    assert(largest <= 1000, `a step took ${largest}`)
    assert.equal(
      steps.reduce((sum, { took }) => sum + took, 0),
      DUE,
    )
    const byTurn = new Map<number, number>()
    for (const { turn } of steps.slice(10)) byTurn.set(turn, (byTurn.get(turn) ?? 0) + 1)
    assert(Math.max(...byTurn.values()) <= 2, 'about one step per turn')
  })
})

describe('the store', () => {
  it('is not read before a deadline', async () => {
    const { clock, housekeeping, steps } = fixture(1)
    housekeeping.look()
    housekeeping.look()
    await clock.advance(900)
    assert.equal(steps.length, 0)
    await clock.advance(200)
    assert.equal(steps.length, 1)
    await clock.advance(1e6)
    assert.equal(steps.length, 1)
    assert.equal(clock.pendingTimers, 0)
  })

  it('that fails is retried after a delay, and each failure is reported', async () => {
    const { clock, housekeeping, steps, told } = fixture(DUE, () => Promise.reject(new Error('broken')))
    housekeeping.look()
    await clock.advance(1050)
    assert.deepEqual([steps.length, told], [1, ['storeError']])
    await clock.advance(900)
    assert.equal(steps.length, 1)
    await clock.advance(10_000)
    assert(steps.length >= 9 && steps.length <= 12, `${steps.length} times in 11 seconds`)
    assert.equal(told.length, steps.length)
  })
})

describe('a store that fails with due deadlines', () => {
  it('is retried after a delay, even if new deadlines are set meanwhile', async () => {
    const { clock, housekeeping, steps } = fixture(DUE, () => Promise.reject(new Error('broken')))
    housekeeping.look()
    await clock.advance(1050)
    for (let i = 0; i < 80; i++) {
      housekeeping.look()
      await clock.advance(10)
    }
    assert.equal(steps.length, 1)
    await clock.advance(250)
    assert.equal(steps.length, 2)
  })

  it('is asked again for its next deadline if that fails', async () => {
    const clock = new FakeClock()
    let fails = true
    const store = createMemoryPersistence({ now: () => clock.now() })
    const nextDeadline = store.nextDeadline.bind(store)
    const broker = await createBroker({ clock, persistence: store })
    const told: string[] = []
    broker.on('storeError', ({ code }) => told.push(code))
    broker.on('retainedExpired', ({ topic }) => told.push(topic))
    store.nextDeadline = () => {
      if (fails) throw new Error('broken')
      return nextDeadline()
    }
    await broker.publish({ topic: 'r', payload: 'x', retain: true, properties: { messageExpiryInterval: 5 } })
    assert.deepEqual(told, ['ANAX_ERR_STORE'])
    fails = false
    await clock.advance(6500)
    assert.deepEqual(told, ['ANAX_ERR_STORE', 'r'])
    const closing = broker.close()
    await clock.advance(10_000)
    await closing
  })
})

describe('a stopped housekeeping', () => {
  it('starts no further step, and waits for the current one', async () => {
    let finish = () => {}
    const { clock, housekeeping, steps } = fixture(
      DUE,
      () =>
        new Promise<SweepResult>(resolve => {
          finish = () => resolve({ dropped: [], retained: [], more: true })
        }),
    )
    housekeeping.look()
    await clock.advance(1100)
    assert.equal(steps.length, 1)
    let stopped = false
    const stopping = housekeeping.stop().then(() => {
      stopped = true
    })
    await clock.advance(100)
    assert.equal(stopped, false)
    finish()
    await stopping
    housekeeping.look()
    await clock.advance(100_000)
    assert.equal(steps.length, 1)
    assert.equal(clock.pendingTimers, 0)
  })
})

test('ten thousand sessions that expire at the same time all end, and timers fire in between', async () => {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  for (let i = 0; i < 10_000; i++) {
    await store.saveSession({ clientId: `client-${i}`, expiryInterval: 5, expiresAt: clock.now() + 5000 })
  }
  const broker = await createBroker({ clock, persistence: store })
  let ended = 0
  broker.on('sessionEnded', () => ended++)
  await clock.advance(4900)
  assert.equal(ended, 0)
  const seen: number[] = []
  const watch = setInterval(() => seen.push(ended), 1)
  await clock.advance(200)
  while (ended < 10_000) await new Promise(resolve => setImmediate(resolve))
  clearInterval(watch)
  assert(
    seen.some(count => count > 0 && count < 10_000),
    'other timers fired in between',
  )
  const closing = broker.close()
  await clock.advance(10_000)
  await closing
})
