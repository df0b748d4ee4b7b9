/**
 * A store on disk accepts a burst of the host before any of it is sent. So nothing waits for the client yet when the
 * limit of its queue is checked, and the burst must not look like messages that the client does not read.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const COUNT = 900
const QUEUE = 300

/**
 * Publishes {@link COUNT} messages without waiting, to a store that answers late.
 * @returns the number of drops
 */
async function dropsOfBurst(clientIs: 'connected' | 'away'): Promise<number> {
  const clock = new FakeClock()
  const memory = createMemoryPersistence({ now: () => clock.now() })
  const persistence = slowStore(memory, { clock, effect: 'early', next: () => 1 })
  return whileTimePasses(clock, async () => {
    await using broker = await createBroker({
      clock,
      persistence,
      maxQueuedMessages: QUEUE,
      maxBurstMessages: 10 * COUNT,
    })
    const subscriber = new SpecClient(broker, 5)
    await subscriber.connect({ clientId: 'subscriber', ...keptSession(5) })
    await subscriber.subscribe({ topic: 't', qos: 1 })
    const gone = once(broker, 'clientDisconnect')
    if (clientIs === 'away') await Promise.all([gone, subscriber.drop()])
    await Promise.all(Array.from({ length: COUNT }, () => broker.publish({ topic: 't', payload: 'x', qos: 1 })))
    const dropped = broker.drops['queue-full']
    await subscriber.drop()
    return dropped
  })
}

test('a burst of the application to a connected client is not dropped because the store is slow', async () => {
  assert.equal(await dropsOfBurst('connected'), 0)
})

test('a client that is away gets no more than its queue holds', async () => {
  assert.equal(await dropsOfBurst('away'), COUNT - QUEUE)
})
