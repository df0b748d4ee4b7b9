/**
 * A slow store that shows a message before it acknowledges the write: a client that gets the message from its queue,
 * acknowledges it and reconnects before the message is routed does not get it again.
 */
import assert from 'node:assert/strict'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { receiveTexts } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const store = createMemoryPersistence() as SessionPersistence
const { enqueue } = store
const held: (() => void)[] = []
store.enqueue = (...args) => {
  const dropped = enqueue.apply(store, args)
  return new Promise(resolve => held.push(() => resolve(dropped as never)))
}

spec(
  'a message that was taken from the queue is not delivered again on the next connection',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client', keptSession(5))
    await client.subscribe({ topic: 'a', qos: 2 })
    await client.disconnect()
    const published = broker.publish({ topic: 'a', qos: 2, payload: 'x' })
    const back = await connect('client', keptSession(5))
    assert.deepEqual(await receiveTexts(back), ['x'])
    await back.disconnect()
    const again = await connect('client', keptSession(5))
    for (const answer of held) answer()
    await published
    assert.deepEqual(await receiveTexts(again), [])
  },
  { persistence: store },
)
