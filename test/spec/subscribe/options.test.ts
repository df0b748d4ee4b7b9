/** Subscription options: No Local, Retain As Published, Retain Handling, and overlapping subscriptions (3.8.3.1). */
import assert from 'node:assert/strict'
import type { PublishPacket } from '../../../types/message/packets.js'
import {
  identifiersOf,
  publishText,
  receiveAll,
  receiveTexts,
  subscribeWith,
  textOf,
  textPacket,
} from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

async function receiveRetainFlags(client: SpecClient): Promise<boolean[]> {
  return (await receiveAll(client)).map(({ retain }) => retain)
}

for (const qos of [0, 1, 2] as const) {
  spec(
    `[5.0 MQTT-3.8.3-3] a No Local subscription gets all messages except the client’s own, QoS ${qos}`,
    [5],
    async ({ connect }) => {
      const client = await connect('talkative')
      await client.subscribe({ topic: 'a', qos, nl: true })
      const other = await connect('other')
      await other.subscribe({ topic: 'a', qos, nl: true })
      client.send(textPacket('a', 'own', { qos, messageId: 1 }))
      assert.deepEqual(await receiveTexts(client), [])
      assert.deepEqual(await receiveTexts(other), ['own'])
      other.send(textPacket('a', 'foreign', { qos, messageId: 1 }))
      assert.deepEqual(await receiveTexts(other), [])
      assert.deepEqual(await receiveTexts(client), ['foreign'])
    },
  )
}

spec('without No Local a client gets its own messages', [3, 4, 5], async ({ connect }) => {
  const client = await connect('talkative')
  await client.subscribe({ topic: 'a', qos: 0 })
  client.send(textPacket('a', 'own'))
  assert.deepEqual(await receiveTexts(client), ['own'])
})

spec(
  '[5.0 MQTT-3.8.3-3] No Local compares client identifiers: it also applies on the next connection and to queued messages',
  [5],
  async ({ connect }) => {
    const client = await connect('talkative', {
      ...keptSession(5),
      will: { topic: 'a', payload: Buffer.from('own will'), qos: 1, retain: false },
    })
    await client.subscribe({ topic: 'a', qos: 1, nl: true })
    await client.drop()
    await publishText(await connect('other'), 'a', 'foreign', { qos: 1 })
    const again = await connect('talkative', keptSession(5))
    again.send(textPacket('a', 'own', { qos: 1, messageId: 1 }))
    assert.deepEqual(await receiveTexts(again), ['foreign'])
  },
)

spec(
  '[5.0 MQTT-3.8.3-3] a No Local subscription gets the messages of the application',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('listener')
    await client.subscribe({ topic: 'a', qos: 0, nl: true })
    await broker.publish({ topic: 'a', payload: 'host' })
    assert.deepEqual(await receiveTexts(client), ['host'])
  },
)

for (const state of ['connected', 'connected with a stored session'] as const) {
  spec(
    `own messages come only for the subscription without No Local if subscriptions overlap, ${state}`,
    [5],
    async ({ connect }) => {
      const client = await connect('talkative', state === 'connected' ? {} : keptSession(5))
      await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a/+', qos: 2, nl: true, rap: true })
      await subscribeWith(client, { subscriptionIdentifier: 2 }, { topic: 'a/#', qos: 1 })
      const summary = (packet: PublishPacket) => [packet.qos, packet.retain, identifiersOf(packet)]
      client.send(textPacket('a/b', 'own', { qos: 2, messageId: 1, retain: true }))
      const own = await receiveAll(client)
      assert.deepEqual(own.map(summary), [[1, false, [2]]])
      await publishText(await connect('other'), 'a/b', 'foreign', { qos: 2, retain: true })
      const foreign = await receiveAll(client)
      assert.deepEqual(foreign.map(summary), [[2, true, [1, 2]]])
    },
  )
}

spec(
  '[5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13] Retain As Published decides whether live messages keep their RETAIN flag',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    for (const rap of [false, true]) {
      const client = await connect('subscriber')
      await client.subscribe({ topic: 'a', qos: 0, rap, rh: 2 })
      await publishText(publisher, 'a', '', { retain: true })
      await publishText(publisher, 'a', 'x', { retain: true })
      await publishText(publisher, 'a', 'x', { retain: false })
      assert.deepEqual(await receiveRetainFlags(client), [rap, rap, false])
    }
  },
)

spec('before 5.0 live messages come without RETAIN', [3, 4], async ({ connect }) => {
  const client = await connect('subscriber')
  await client.subscribe({ topic: 'a', qos: 0 })
  await publishText(await connect('publisher', {}, 5), 'a', 'x', { retain: true })
  assert.deepEqual(await receiveRetainFlags(client), [false])
})

spec(
  '[5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13] Retain As Published decides whether queued messages keep their RETAIN flag',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    for (const rap of [false, true]) {
      const client = await connect(`subscriber-${rap}`, keptSession(5))
      await client.subscribe({ topic: 'a', qos: 1, rap, rh: 2 })
      await client.drop()
      await publishText(publisher, 'a', 'x', { retain: true, qos: 1 })
      await publishText(publisher, 'a', 'y', { qos: 1 })
      const again = await connect(`subscriber-${rap}`, keptSession(5))
      assert.deepEqual(await receiveRetainFlags(again), [rap, false])
    }
  },
)

spec(
  'retained messages sent after SUBSCRIBE have RETAIN set, whatever Retain As Published says',
  [5],
  async ({ connect }) => {
    await publishText(await connect('publisher'), 'a', 'x', { retain: true })
    for (const rap of [false, true]) {
      const client = await connect('subscriber')
      await client.subscribe({ topic: 'a', qos: 0, rap })
      assert.deepEqual(await receiveRetainFlags(client), [true])
    }
  },
)

for (const [rh, clause, atFirst, again] of [
  [0, '[5.0 MQTT-3.3.1-9]', 1, 1],
  [1, '[5.0 MQTT-3.3.1-10]', 1, 0],
  [2, '[5.0 MQTT-3.3.1-11]', 0, 0],
] as const) {
  spec(
    `${clause} Retain Handling ${rh}: ${atFirst} copy for a new subscription, ${again} for an existing one`,
    [5],
    async ({ connect }) => {
      await publishText(await connect('publisher'), 'a/b', 'kept', { retain: true, qos: 1 })
      for (const connectPacket of [{}, keptSession(5)]) {
        const client = await connect(`subscriber-${connectPacket.clean}`, connectPacket)
        await client.subscribe({ topic: 'a/+', qos: 1, rh })
        assert.equal((await receiveAll(client)).length, atFirst)
        await client.subscribe({ topic: 'a/+', qos: 0, rh })
        assert.equal((await receiveAll(client)).length, again)
        // another filter is another subscription
        await client.subscribe({ topic: 'a/#', qos: 0, rh })
        assert.equal((await receiveAll(client)).length, atFirst)
      }
    },
  )
}

spec(
  '[5.0 MQTT-3.3.1-10] Retain Handling 1: a subscription of a resumed session exists, one that has ended does not',
  [5],
  async ({ connect }) => {
    await publishText(await connect('publisher'), 'a', 'kept', { retain: true })
    const client = await connect('subscriber', keptSession(5))
    await client.subscribe({ topic: 'a', qos: 0, rh: 1 })
    assert.deepEqual(await receiveTexts(client), ['kept'])
    await client.drop()
    const again = await connect('subscriber', keptSession(5))
    await again.subscribe({ topic: 'a', qos: 0, rh: 1 })
    await again.expectNothing()
    again.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] })
    await again.expect('unsuback')
    await again.subscribe({ topic: 'a', qos: 0, rh: 1 })
    assert.deepEqual(await receiveTexts(again), ['kept'])
  },
)

spec(
  '[5.0 MQTT-3.3.1-10] Retain Handling 1: of a filter that is twice in one SUBSCRIBE only the first is new',
  [5],
  async ({ connect }) => {
    await publishText(await connect('publisher'), 'a', 'kept', { retain: true })
    const client = await connect('subscriber')
    await client.subscribe({ topic: 'a', qos: 0, rh: 1 }, { topic: 'a', qos: 0, rh: 1 })
    assert.deepEqual(await receiveTexts(client), ['kept'])
  },
)

spec('each filter of a SUBSCRIBE has its own options', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  for (const topic of ['a', 'b', 'c']) await publishText(publisher, topic, topic, { retain: true })
  const client = await connect('subscriber')
  await client.subscribe(
    { topic: 'a', qos: 0, rh: 2, rap: true },
    { topic: 'b', qos: 0, rh: 0, nl: true },
    { topic: 'c', qos: 0, rh: 1 },
  )
  assert.deepEqual(await receiveTexts(client), ['b', 'c'])
  for (const topic of ['a', 'b', 'c']) client.send(textPacket(topic, topic, { retain: true }))
  const own = await receiveAll(client)
  assert.deepEqual(
    own.map(packet => [textOf(packet), packet.retain]),
    [
      ['a', true],
      ['c', false],
    ],
  )
})

spec('the options of a subscription are those of its last SUBSCRIBE', [5], async ({ connect }) => {
  const client = await connect('talkative')
  const publisher = await connect('publisher')
  await client.subscribe({ topic: 'a', qos: 0, nl: true, rap: true, rh: 2 })
  await client.subscribe({ topic: 'a', qos: 0, nl: false, rap: false, rh: 2 })
  client.send(textPacket('a', 'own'))
  await publishText(publisher, 'a', 'kept', { retain: true })
  const received = await receiveAll(client)
  assert.deepEqual(
    received.map(packet => [textOf(packet), packet.retain]),
    [
      ['own', false],
      ['kept', false],
    ],
  )
})

spec(
  '[5.0 MQTT-3.3.4-2] overlapping subscriptions get one copy, with the highest QoS, and with RETAIN if one of them keeps it',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    for (const connectPacket of [{}, keptSession(5)]) {
      const client = await connect('subscriber', connectPacket)
      await client.subscribe({ topic: 'a/+', qos: 0, rap: true, rh: 2 }, { topic: 'a/#', qos: 1, rh: 2 })
      await client.subscribe({ topic: '#', qos: 0, rh: 2 }, { topic: 'b', qos: 2, rh: 2 })
      await publishText(publisher, 'a/b', 'x', { qos: 2, retain: true })
      const received = await receiveAll(client)
      assert.deepEqual(
        received.map(packet => [packet.qos, packet.retain]),
        [[1, true]],
      )
    }
  },
)
