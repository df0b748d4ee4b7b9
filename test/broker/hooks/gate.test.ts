/** One compiled hook: in every style and with every kind of answer, it is called once and gives one answer. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Answer, compileGate, type Gate } from '../../../lib/broker/hooks/gate.js'
import { PendingHooks } from '../../../lib/broker/hooks/pending-hooks.js'
import { Timings } from '../../../lib/model/metering/timings.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { Client } from '../../../types/client/client.js'

// biome-ignore lint/suspicious/noExplicitAny: hooks of all kinds
type Hook = (...args: any[]) => unknown

function fixture(hook: Hook, timeoutMs = 1000) {
  const clock = new FakeClock()
  const pending = new PendingHooks()
  const context = { timers: new Timers(clock), timeoutMs, pending, timings: new Timings() }
  const read = (error: unknown, result: unknown) => (error ? { refused: error } : result)
  const gate: Gate = compileGate('authorizePublish', hook, 2, read, context)
  return { clock, pending, ask: (client: Client | null = null) => gate(client, ['client', 'packet']) }
}

const said = (answer: Answer) =>
  answer === 'abandoned' ? answer : 'value' in answer ? answer.value : answer.failure.code

describe('a hook without a callback', () => {
  it('answers immediately if it returns its verdict', () => {
    const { ask, clock } = fixture((client, packet) => `${client} ${packet}`)
    assert.deepEqual(ask(), { value: 'client packet' })
    assert.equal(clock.pendingTimers, 0)
  })

  it('answers with what its promise resolves to, and leaves no timer', async () => {
    const { ask, clock } = fixture(async () => 'later')
    assert.equal(said(await ask()), 'later')
    await clock.advance(2000)
    assert.equal(clock.pendingTimers, 0)
  })

  for (const [what, hook] of Object.entries<Hook>({
    'that throws': () => {
      throw new Error('broken')
    },
    'that rejects': () => Promise.reject(new Error('broken')),
    'that throws something without text': () => {
      throw Object.create(null)
    },
    'that throws nothing': () => {
      throw undefined
    },
  })) {
    it(`fails if it is one ${what}`, async () => {
      assert.equal(said(await fixture(hook).ask()), 'ANAX_ERR_HOOK_FAILED')
    })
  }

  it('fails if it does not answer in time, and a later answer is ignored', async () => {
    let answer = (_: unknown) => {}
    const { ask, clock } = fixture(
      () =>
        new Promise(resolve => {
          answer = resolve
        }),
    )
    const asked = ask()
    await clock.advance(900)
    await clock.advance(200)
    answer(true)
    assert.equal(said(await asked), 'ANAX_ERR_HOOK_TIMEOUT')
  })

  it('may take any time if the time limit is 0', async () => {
    const { ask, clock } = fixture(() => new Promise(() => {}), 0)
    let answered = false
    Promise.resolve(ask()).then(() => {
      answered = true
    })
    await clock.advance(1e9)
    assert.equal(answered, false)
    assert.equal(clock.pendingTimers, 0)
  })
})

describe('a hook with a callback', () => {
  const calling = (call: (callback: (error?: unknown, result?: unknown) => void) => unknown): Hook => {
    return (_client, _packet, callback) => call(callback)
  }

  it('answers immediately, or later', async () => {
    const now = fixture(calling(callback => callback(null, 'now')))
    assert.deepEqual(now.ask(), { value: 'now' })
    const { ask, clock } = fixture(calling(callback => setImmediate(() => callback(null, 'later'))))
    assert.equal(said(await ask()), 'later')
    await clock.advance(2000)
    assert.equal(clock.pendingTimers, 0)
  })

  it('answers with the first of several calls', async () => {
    const { ask } = fixture(
      calling(callback => {
        callback('refused')
        callback(null, 'accepted')
        throw new Error('and after all')
      }),
    )
    assert.deepEqual(said(await ask()), { refused: 'refused' })
  })

  it('fails if it throws before it calls back', async () => {
    let late = () => {}
    const { ask } = fixture(
      calling(callback => {
        late = () => callback(null, true)
        throw new Error('broken')
      }),
    )
    const answer = await ask()
    late()
    assert.equal(said(answer), 'ANAX_ERR_HOOK_FAILED')
  })

  it('fails if it does not call back in time', async () => {
    const { ask, clock } = fixture(calling(() => {}))
    const asked = ask()
    await clock.advance(1100)
    assert.equal(said(await asked), 'ANAX_ERR_HOOK_TIMEOUT')
  })

  it('must not be async', () => {
    assert.throws(() => fixture(async (_client, _packet, _callback) => true), { code: 'ANAX_ERR_HOOK_STYLE' })
  })
})

it('a hook that is not a function is refused', () => {
  for (const hook of [null, {}, 'x']) assert.throws(() => fixture(hook as never), { code: 'ANAX_ERR_HOOK_STYLE' })
})

describe('a hook that is no longer awaited', () => {
  const client = { id: 'one' } as Client

  it('has no effect if it answers late', async () => {
    let answer = (_: string) => {}
    const { ask, pending, clock } = fixture(() => new Promise(resolve => (answer = resolve)))
    const asked = ask(client)
    assert.equal(pending.isAsking(client), true)
    pending.abandonAll()
    assert.equal(said(await asked), 'abandoned')
    answer('late')
    assert.equal(pending.isAsking(client), false)
    await clock.advance(2000)
    assert.equal(clock.pendingTimers, 0)
  })

  it('counts as pending even before it has returned', async () => {
    let known = false
    const { ask, pending } = fixture(() => {
      known = pending.isAsking(client)
      return 'answer'
    })
    assert.equal(said(await ask(client)), 'answer')
    assert.deepEqual([known, pending.isAsking(client)], [true, false])
  })
})
