/** Limits of one client's queue: the result of `queueLimits`, the options where it has none, and invalid results. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { QueueLimitRules } from '../../../../lib/broker/publish/queue-limits.js'
import type { EventSink } from '../../../../lib/ports/event-sink.js'
import type { ResolvedOptions } from '../../../../lib/ports/resolved-options.js'

const DEFAULTS = { maxMessages: 10, maxBytes: 100, overflow: 'drop-newest' }

function rules(queueLimits: unknown) {
  const told: string[] = []
  const events = { emit: (name: string, error: { code: string }) => told.push(`${name} ${error.code}`) }
  const options = { maxQueuedMessages: 10, maxQueuedBytes: 100, queueOverflow: 'drop-newest', queueLimits }
  const limits = new QueueLimitRules(options as ResolvedOptions, events as unknown as EventSink)
  return { told, limits: (clientId = 'client') => limits.of(clientId) }
}

it('the options apply if no hook sets queue limits', () => {
  assert.deepEqual(rules(undefined).limits(), DEFAULTS)
  assert.deepEqual(rules(() => undefined).limits(), DEFAULTS)
})

it('a hook may set some or all queue limits for each client', () => {
  const { limits, told } = rules((clientId: string) =>
    clientId === 'vip' ? { maxMessages: Number.POSITIVE_INFINITY, overflow: 'reject' } : { maxBytes: 5 },
  )
  assert.deepEqual(limits('vip'), { ...DEFAULTS, maxMessages: Number.POSITIVE_INFINITY, overflow: 'reject' })
  assert.deepEqual(limits('other'), { ...DEFAULTS, maxBytes: 5 })
  assert.deepEqual(told, [])
})

it('undefined queue limits are those of the options', () => {
  assert.deepEqual(rules(() => ({ maxMessages: undefined, overflow: undefined })).limits(), DEFAULTS)
})

for (const [what, answer] of Object.entries<() => unknown>({
  'a throw': () => {
    throw new Error('broken')
  },
  'a promise': async () => ({ maxMessages: 1 }),
  'a promise that rejects': () => Promise.reject(new Error('broken')),
  NaN: () => ({ maxMessages: Number.NaN }),
  'a limit of 0': () => ({ maxBytes: 0 }),
  'a limit that is a string': () => ({ maxBytes: 'many' }),
  'an unknown policy': () => ({ overflow: 'drop-all' }),
})) {
  it(`the options apply if a hook returns ${what}`, () => {
    const { limits, told } = rules(answer)
    assert.deepEqual(limits(), DEFAULTS)
    assert.deepEqual(told, ['hookError ANAX_ERR_HOOK_FAILED'])
  })
}
