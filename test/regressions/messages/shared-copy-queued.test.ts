/**
 * A session that gets a message twice, for its own subscription and as a member of a group, has two copies in its
 * queue. The group's copy must not be delivered twice if it is read from the queue before the bus delivers the message.
 */
import assert from 'node:assert/strict'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { receiveTexts, textPacket } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

/** A store that answers late: its changes take effect at once. */
function slowStore() {
  const store = createMemoryPersistence() as SessionPersistence
  const { enqueue } = store
  const held: (() => void)[] = []
  store.enqueue = (...args) => {
    const dropped = enqueue.apply(store, args)
    return new Promise(resolve => held.push(() => resolve(dropped as never)))
  }
  return {
    store,
    release: () => {
      for (const answer of held.splice(0)) answer()
    },
  }
}

const { store, release } = slowStore()

spec(
  'copies for a shared subscription that are queued before they are routed are delivered once',
  [5],
  async ({ connect }) => {
    const kept = keptSession(5)
    const client = await connect('member', { ...kept, properties: { ...kept.properties, receiveMaximum: 1 } })
    await client.subscribe({ topic: 'a', qos: 1 }, { topic: '$share/group/a', qos: 1 })
    const publisher = await connect('publisher')
    const received: string[] = []
    publisher.send(textPacket('a', '1', { qos: 1, messageId: 1 }))
    await publisher.settle()
    release()
    // the first is being sent to the client, so the queue is being read when the second arrives
    publisher.send(textPacket('a', '2', { qos: 1, messageId: 2 }))
    await publisher.settle()
    received.push(...(await receiveTexts(client)))
    release()
    await publisher.settle()
    received.push(...(await receiveTexts(client)))
    assert.deepEqual(received.toSorted(), ['1', '1', '2', '2'])
  },
  { persistence: store },
)
