/** A filter that is needed again while it is being removed is read. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { covers } from '../../../lib/nats/log/interest.js'
import { NodeInterest, type NodeInterestParts } from '../../../lib/nats/log/node-interest.js'
import { filterTokens } from '../../../lib/nats/wire/subjects.js'

test('a filter that is needed again while the readers remove it is read again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    let read: readonly string[] = []
    const changes: (() => void)[] = []
    const reader = {
      want: (subjects: readonly string[]) =>
        new Promise<void>(resolve => {
          changes.push(() => {
            read = subjects
            resolve()
          })
        }),
    }
    const quiet = { want() {}, unwant() {} }
    const parts = { readers: [reader], signals: quiet, bases: [''], ends: async () => [0], flush: async () => {} }
    const interest = new NodeInterest(parts as unknown as NodeInterestParts)
    const settle = async (ms: number) => {
      mock.timers.tick(ms)
      for (let i = 0; i < 10; i++) await Promise.resolve()
    }
    for (const filter of ['a', 'b']) {
      const wanted = interest.want(filter)
      await settle(5)
      changes.shift()!()
      await wanted
    }
    interest.unwant('a')
    await settle(1000)
    await settle(0)
    assert.equal(changes.length, 1, 'the readers are about to remove it')
    const again = interest.want('a')
    await settle(5)
    for (let change = changes.shift(); change !== undefined; change = changes.shift()) {
      change()
      await settle(0)
      await settle(5)
    }
    await again
    assert.ok(covers(read, filterTokens('a')), read.join())
  } finally {
    mock.timers.reset()
  }
})
