/** The events `blocked` and `drain` of a client whose stream is full, and has room again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { spec } from '../../support/spec.js'

spec(
  'a client has an event for when its stream becomes full, and one for when it has drained',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('slow')
    const shown = broker.clients.slow!
    const told: string[] = []
    shown.on('blocked', () => told.push('blocked'))
    shown.on('drain', () => told.push('drain'))
    await shown.subscribe({ topic: 'a', qos: 0 })
    client.stream.pause()
    for (let i = 0; told.length === 0; i++) {
      assert.ok(i < 1000)
      await broker.publish({ topic: 'a', payload: Buffer.alloc(8000) })
      await nextTurn()
    }
    assert.deepEqual(told, ['blocked'])
    const drained = once(shown, 'drain')
    client.stream.resume()
    await drained
    assert.equal(told.at(-1), 'drain')
    assert.equal(shown.stats.unsentBytes, 0)
  },
)
