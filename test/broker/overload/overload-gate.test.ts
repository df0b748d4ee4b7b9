/** Who is let in during an overload, for each cause and each kind of store. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type GateParts, OverloadGate } from '../../../lib/broker/overload/overload-gate.js'
import { OverloadState } from '../../../lib/model/metering/overload.js'

type Store = GateParts['store']

/** A store in which only `meter` has queued messages. */
const IN_MEMORY: Store = {
  durability: 'memory',
  queueSize: clientId => ({ messages: clientId === 'meter' ? 2 : 0, bytes: 0 }),
  counts: () => ({ sessions: 1, subscriptions: 1, queuedMessages: 2, queuedBytes: 0 }),
}

function gate(cause: OverloadState['cause'], change: Partial<Store> = {}): OverloadGate {
  const overload = new OverloadState()
  overload.cause = cause
  return new OverloadGate({ overload, store: { ...IN_MEMORY, ...change } })
}

const isRefused = (gate: OverloadGate, clientId: string) => gate.refusalOf(clientId)?.code === 'ANAX_ERR_OVERLOADED'

describe('the gate of an overloaded broker', () => {
  it('is open while there is no overload', () => {
    const open = gate(undefined)
    assert.deepEqual([open.refusesAll, isRefused(open, 'other')], [false, false])
  })

  it('lets in only clients with a queue in memory, if memory is short', () => {
    const short = gate('memory')
    assert.deepEqual([short.refusesAll, isRefused(short, 'meter'), isRefused(short, 'other')], [false, false, true])
  })

  it('lets in nobody if the event loop is late', () => {
    const late = gate('event-loop')
    assert.deepEqual([late.refusesAll, isRefused(late, 'meter')], [true, true])
    assert.equal(late.refusalOf('meter')?.reasonCode, 0x89)
  })

  it('lets in nobody whose queue is not in memory', () => {
    const stores: Partial<Store>[] = [
      { durability: 'commit' },
      { counts: () => ({ sessions: 1, subscriptions: 1, queuedMessages: 0, queuedBytes: 0 }), queueSize: none },
      { queueSize: async () => ({ messages: 1, bytes: 0 }), counts: unknown },
      { queueSize: () => Promise.reject(new Error('no connection')), counts: unknown },
    ]
    for (const store of stores) {
      const closed = gate('memory', store)
      assert.deepEqual([closed.refusesAll, isRefused(closed, 'meter')], [true, true])
    }
  })
})

function none() {
  return { messages: 0, bytes: 0 }
}

function unknown() {
  return { sessions: undefined, subscriptions: undefined, queuedMessages: undefined, queuedBytes: undefined }
}
