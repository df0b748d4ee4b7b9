/** Subscription identifiers: one copy of a message has those of all matching subscriptions (3.3.2.3.8, 3.3.4). */
import assert from 'node:assert/strict'
import { identifiersOf, publishText, receiveAll, subscribeWith } from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { textPacket } from '../../support/clients/traffic.js'
import { keptSession, spec } from '../../support/spec.js'

async function receiveIdentifiers(client: SpecClient): Promise<number[][]> {
  return (await receiveAll(client)).map(identifiersOf)
}

/** Three filters that match `a/b`: two with an identifier, one without. */
async function subscribeOverlapping(client: SpecClient): Promise<void> {
  await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a/+', qos: 1 })
  await subscribeWith(client, { subscriptionIdentifier: 268_435_455 }, { topic: 'a/#', qos: 2 })
  await client.subscribe({ topic: 'a/b', qos: 1 })
}

for (const qos of [0, 1, 2] as const) {
  spec(
    `[5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.4-4] one copy has the identifiers of all subscriptions that match, QoS ${qos}`,
    [5],
    async ({ connect }) => {
      const client = await connect('subscriber')
      await subscribeOverlapping(client)
      const publisher = await connect('publisher')
      await publishText(publisher, 'a/b', '', { qos })
      await publishText(publisher, 'a', '', { qos })
      assert.deepEqual(await receiveIdentifiers(client), [[1, 268_435_455], [268_435_455]])
    },
  )
}

spec('[5.0 MQTT-3.3.4-4] equal identifiers of several subscriptions are repeated', [5], async ({ connect }) => {
  const client = await connect('subscriber')
  await subscribeWith(client, { subscriptionIdentifier: 7 }, { topic: 'a/+', qos: 1 }, { topic: '#', qos: 0 })
  await publishText(await connect('publisher'), 'a/b', '')
  assert.deepEqual(await receiveIdentifiers(client), [[7, 7]])
})

spec('an identifier belongs to all filters of its SUBSCRIBE', [5], async ({ connect }) => {
  const client = await connect('subscriber')
  await subscribeWith(client, { subscriptionIdentifier: 9 }, { topic: 'a', qos: 1 }, { topic: 'b', qos: 0 })
  const publisher = await connect('publisher')
  for (const topic of ['a', 'b']) await publishText(publisher, topic, '')
  assert.deepEqual(await receiveIdentifiers(client), [[9], [9]])
})

spec('a client never gets the subscription identifiers of another', [5], async ({ connect }) => {
  const other = await connect('other')
  await other.subscribe({ topic: 'a/b', qos: 1 })
  const client = await connect('subscriber')
  await subscribeOverlapping(client)
  const old = await connect('old', {}, 4)
  await old.subscribe({ topic: 'a/b', qos: 1 })
  await publishText(await connect('publisher'), 'a/b', '', { qos: 1 })
  assert.deepEqual(await receiveIdentifiers(other), [[]])
  assert.deepEqual(await receiveIdentifiers(client), [[1, 268_435_455]])
  assert.deepEqual(await receiveIdentifiers(old), [[]])
})

spec('[5.0 MQTT-3.8.4-3] subscribing again changes the identifier, or removes it', [5], async ({ connect }) => {
  const client = await connect('subscriber', keptSession(5))
  const publisher = await connect('publisher')
  await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a', qos: 1 })
  await subscribeWith(client, { subscriptionIdentifier: 2 }, { topic: 'a', qos: 1 })
  await publishText(publisher, 'a', '', { qos: 1 })
  assert.deepEqual(await receiveIdentifiers(client), [[2]])
  await client.subscribe({ topic: 'a', qos: 1 })
  await publishText(publisher, 'a', '', { qos: 1 })
  assert.deepEqual(await receiveIdentifiers(client), [[]])
  await client.drop()
  await publishText(publisher, 'a', '', { qos: 1 })
  assert.deepEqual(await receiveIdentifiers(await connect('subscriber', keptSession(5))), [[]])
})

spec('retained messages carry the identifier of the subscription that asked for them', [5], async ({ connect }) => {
  await publishText(await connect('publisher'), 'a/b', '1', { retain: true, qos: 1 })
  for (const packet of [{}, keptSession(5)]) {
    const client = await connect('subscriber', packet)
    await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a/+', qos: 1 })
    assert.deepEqual(await receiveIdentifiers(client), [[1]])
    await subscribeWith(client, { subscriptionIdentifier: 2 }, { topic: 'a/#', qos: 0 })
    assert.deepEqual(await receiveIdentifiers(client), [[2]])
  }
})

spec(
  '[5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.4-4] queued messages of a resumed session have the identifiers, and so have live ones',
  [5],
  async ({ connect }) => {
    const client = await connect('subscriber', keptSession(5))
    await subscribeOverlapping(client)
    await client.drop()
    const publisher = await connect('publisher')
    await publishText(publisher, 'a/b', 'away', { qos: 1 })
    const again = await connect('subscriber', keptSession(5))
    assert.deepEqual(await receiveIdentifiers(again), [[1, 268_435_455]])
    await publishText(publisher, 'a/b', 'resumed', { qos: 0 })
    assert.deepEqual(await receiveIdentifiers(again), [[1, 268_435_455]])
  },
)

spec('[5.0 MQTT-3.3.4-4] a message that is sent again carries the same identifiers', [5], async ({ connect }) => {
  const client = await connect('subscriber', keptSession(5))
  await subscribeOverlapping(client)
  await publishText(await connect('publisher'), 'a/b', '', { qos: 1 })
  assert.deepEqual(identifiersOf(await client.expect('publish')), [1, 268_435_455])
  await client.drop()
  const again = await connect('subscriber', keptSession(5))
  const resent = await again.expect('publish')
  assert.equal(resent.dup, true)
  assert.deepEqual(identifiersOf(resent), [1, 268_435_455])
})

spec('a subscription identifier of 0 is a protocol error, and so are two identifiers', [5], async ({ connect }) => {
  for (const properties of ['02 0b00', '04 0b01 0b02']) {
    const client = await connect('subscriber')
    const content = `0001 ${properties} 0001 61 00`.replace(/\s/g, '')
    client.sendBytes(`82 ${(content.length / 2).toString(16).padStart(2, '0')} ${content}`)
    await client.expectDisconnect(0x82)
  }
})

spec(
  '[5.0 MQTT-3.3.4-6] a PUBLISH with a subscription identifier from a client ends the connection',
  [5],
  async ({ connect }) => {
    const client = await connect('publisher')
    client.sendBytes('30 06 0001 61 02 0b01')
    await client.expectDisconnect(0x82)
  },
)

for (const state of ['away', 'busy'] as const) {
  spec(
    `[5.0 MQTT-3.3.4-4] a message has the identifier of a QoS 0 subscription too, for a stored session that is ${state}`,
    [5],
    async ({ connect }) => {
      const kept = keptSession(5)
      const busy = { ...kept, properties: { ...kept.properties, receiveMaximum: 1 } }
      const client = await connect('subscriber', busy)
      await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a/+', qos: 1 })
      await subscribeWith(client, { subscriptionIdentifier: 2 }, { topic: 'a/#', qos: 0 })
      const publisher = await connect('publisher')
      if (state === 'away') await client.drop()
      else publisher.send(textPacket('a/b', 'first', { qos: 1, messageId: 1 }))
      publisher.send(textPacket('a/b', 'second', { qos: 1, messageId: 2 }))
      await publisher.settle()
      const receiver = state === 'away' ? await connect('subscriber', busy) : client
      for (const identifiers of await receiveIdentifiers(receiver)) assert.deepEqual(identifiers, [1, 2])
    },
  )
}
