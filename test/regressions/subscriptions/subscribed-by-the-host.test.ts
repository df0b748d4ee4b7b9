/**
 * The host changes a subscription of a client and publishes immediately: the stored and the live subscription must
 * never differ, or the message arrives twice, or not at all.
 */
import assert from 'node:assert/strict'
import type { QoS } from '../../../types/message/packets.js'
import { receiveTexts } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

for (const [from, to] of [
  [0, 1],
  [1, 0],
] as readonly (readonly [QoS, QoS])[]) {
  spec(
    `a change from QoS ${from} to QoS ${to} with client.subscribe: the message is delivered once`,
    [5],
    async ({ broker, connect }) => {
      const client = await connect('client', keptSession(5))
      await client.subscribe({ topic: 'a', qos: from })
      const changed = broker.clients.client!.subscribe({ topic: 'a', qos: to })
      const published = broker.publish({ topic: 'a', qos: 1, payload: 'x' })
      await Promise.all([changed, published])
      assert.deepEqual(await receiveTexts(client), ['x'])
    },
  )
}

spec(
  'a client with a full queue whose subscription changes to QoS 0 loses no message',
  [5],
  async ({ broker, connect }) => {
    const kept = keptSession(5)
    const client = await connect('client', { ...kept, properties: { ...kept.properties, receiveMaximum: 1 } })
    await client.subscribe({ topic: 'a', qos: 1 })
    await broker.publish({ topic: 'a', qos: 1, payload: '1' })
    const changed = broker.clients.client!.subscribe({ topic: 'a', qos: 0 })
    const published = broker.publish({ topic: 'a', qos: 1, payload: '2' })
    await Promise.all([changed, published])
    assert.deepEqual(await receiveTexts(client), ['1', '2'])
  },
)

spec(
  'a drop listener that changes a subscription causes no duplicates',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client', keptSession(5))
    const full = await connect('full', keptSession(5))
    for (const each of [client, full]) await each.subscribe({ topic: 'a', qos: 1 })
    await full.disconnect()
    broker.once('drop', () => void broker.clients.client!.subscribe({ topic: 'a', qos: 0 }))
    for (const payload of ['1', '2']) await broker.publish({ topic: 'a', qos: 1, payload })
    assert.deepEqual(await receiveTexts(client), ['1', '2'])
    await broker.clients.client!.publish({ topic: 'b', qos: 1, payload: 'reads the queue' })
    assert.deepEqual(await receiveTexts(client), ['reads the queue'])
  },
  { queueLimits: clientId => (clientId === 'full' ? { maxMessages: 1 } : undefined) },
)
