/** A client may have as many messages in flight as its queue can hold: a burst is not dropped because of that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const COUNT = 1500

test('a burst reaches a client whose Receive Maximum equals the limit of its queue', async () => {
  await using broker = await createBroker({ maxInflight: 1000 })
  const drops: string[] = []
  broker.on('drop', ({ reason }) => drops.push(reason))
  const subscriber = new SpecClient(broker, 5)
  await subscriber.connect({ clientId: 'subscriber', ...keptSession(5) })
  await subscriber.subscribe({ topic: 't', qos: 1 })
  await Promise.all(Array.from({ length: COUNT }, () => broker.publish({ topic: 't', payload: 'x', qos: 1 })))
  assert.deepEqual(drops, [])
  await subscriber.drop()
})
