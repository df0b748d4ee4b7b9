/**
 * Flow control (4.9): how many QoS 1 and 2 messages may be unacknowledged, in each direction, and what is never
 * delayed.
 */
import assert from 'node:assert/strict'
import type { PublishPacket, QoS } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** A subscriber with a Receive Maximum, whose session is stored or not, and the CONNECT with which it reconnects. */
async function limited({ connect }: Spec, receiveMaximum: number, session: 'clean' | 'kept') {
  const clean = session === 'clean'
  const packet = { clean, properties: { receiveMaximum, ...(clean ? {} : keptSession(5).properties) } }
  const subscriber = await connect('subscriber', packet)
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  return { subscriber, packet }
}

/** Everything that can be read now; all of it must be PUBLISH. */
async function published(client: SpecClient): Promise<PublishPacket[]> {
  const packets = await client.settle()
  for (const packet of packets) assert.equal(packet.cmd, 'publish')
  return packets as PublishPacket[]
}

async function publishNumbers({ broker }: Spec, from: number, to: number, qos: QoS): Promise<void> {
  for (let i = from; i <= to; i++) await broker.publish({ topic: 'a', qos, payload: String(i) })
}

for (const session of ['clean', 'kept'] as const) {
  spec(
    '[5.0 MQTT-3.3.4-9] [5.0 MQTT-4.9.0-1] [5.0 MQTT-4.9.0-2] the Receive Maximum of the client is respected, and a PUBACK' +
      ` allows one more message (${session} session)`,
    [5],
    async context => {
      const { subscriber } = await limited(context, 3, session)
      await publishNumbers(context, 1, 10, 1)
      const first = await published(subscriber)
      assert.deepEqual(texts(first), ['1', '2', '3'])
      await acknowledge(subscriber, first[1]!)
      const next = await published(subscriber)
      assert.deepEqual(texts(next), ['4'])
      for (const message of [first[0]!, first[2]!, ...next]) await acknowledge(subscriber, message)
      assert.deepEqual(texts(await receive(subscriber, 6)), ['5', '6', '7', '8', '9', '10'])
      await subscriber.expectNothing()
    },
  )

  spec(
    `[5.0 MQTT-3.3.4-9] [5.0 MQTT-4.9.0-2] a QoS 2 message uses quota until PUBCOMP, or a PUBREC that refuses it (${session} session)`,
    [5],
    async context => {
      const { subscriber } = await limited(context, 2, session)
      await publishNumbers(context, 1, 5, 2)
      const [one, two] = await published(subscriber)
      subscriber.send({ cmd: 'pubrec', messageId: one!.messageId! })
      await subscriber.expect('pubrel')
      assert.deepEqual(await published(subscriber), [], 'PUBREC alone frees nothing')
      subscriber.send({ cmd: 'pubcomp', messageId: one!.messageId! })
      assert.deepEqual(texts(await published(subscriber)), ['3'])
      subscriber.send({ cmd: 'pubrec', messageId: two!.messageId!, reasonCode: 0x97 })
      assert.deepEqual(texts(await published(subscriber)), ['4'])
    },
  )

  spec(
    `[5.0 MQTT-3.3.4-10] [5.0 MQTT-4.9.0-3] without quota all other packets are still exchanged (${session} session)`,
    [5],
    async context => {
      const { subscriber } = await limited(context, 1, session)
      await publishNumbers(context, 1, 2, 2)
      const message = await nextMessage(subscriber, 2)
      subscriber.send({ cmd: 'pubrec', messageId: message.messageId })
      assert.equal((await subscriber.expect('pubrel')).messageId, message.messageId)
      assert.deepEqual(await subscriber.subscribe({ topic: 'b', qos: 0 }), [0])
      subscriber.send(textPacket('c', 'x', { qos: 1, messageId: 9 }))
      assert.equal((await subscriber.expect('puback')).messageId, 9)
      subscriber.send(textPacket('c', 'x', { qos: 2, messageId: 9 }), { cmd: 'pubrel', messageId: 9 })
      await subscriber.expect('pubrec')
      await subscriber.expect('pubcomp')
      subscriber.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['b'] })
      await subscriber.expect('unsuback')
      await subscriber.expectNothing()
    },
  )

  spec(`[5.0 MQTT-4.9.0-2] each connection starts with the full quota (${session} session)`, [5], async context => {
    const { subscriber, packet } = await limited(context, 3, session)
    await publishNumbers(context, 1, 6, 1)
    assert.equal((await published(subscriber)).length, 3)
    await subscriber.drop()
    const returned = await context.connect('subscriber', {
      ...packet,
      properties: { ...packet.properties, receiveMaximum: 2 },
    })
    if (session === 'clean') {
      await returned.expectNothing()
      return
    }
    const again = await published(returned)
    assert.deepEqual(texts(again), ['1', '2'])
    assert(again.every(({ dup }) => dup))
    for (const message of again) await acknowledge(returned, message)
    assert.deepEqual(texts(await receive(returned, 4)), ['3', '4', '5', '6'])
  })
}

spec('a client without quota still gets QoS 0 messages if its session is not stored', [5], async context => {
  const { subscriber } = await limited(context, 1, 'clean')
  await publishNumbers(context, 1, 1, 1)
  await publishNumbers(context, 2, 3, 0)
  const messages = await published(subscriber)
  assert.deepEqual(texts(messages), ['1', '2', '3'])
})

spec('[5.0 MQTT-3.3.4-10] all PUBRELs are sent again at once, whatever the Receive Maximum', [5], async context => {
  const { subscriber, packet } = await limited(context, 5, 'kept')
  await publishNumbers(context, 1, 5, 2)
  const messages = await published(subscriber)
  for (const { messageId } of messages.slice(0, 4)) subscriber.send({ cmd: 'pubrec', messageId: messageId! })
  for (let i = 0; i < 4; i++) await subscriber.expect('pubrel')
  await subscriber.drop()
  const returned = await context.connect('subscriber', {
    ...packet,
    properties: { ...packet.properties, receiveMaximum: 1 },
  })
  for (const { messageId } of messages.slice(0, 4)) {
    assert.equal((await returned.expect('pubrel')).messageId, messageId)
  }
  for (const { messageId } of messages.slice(0, 4)) returned.send({ cmd: 'pubcomp', messageId: messageId! })
  assert.deepEqual(texts(await receive(returned, 1)), ['5'])
})

spec(
  'maxInflight applies to clients before 5.0, and to those with a higher Receive Maximum',
  ALL,
  async context => {
    const { connect, version } = context
    const subscriber = await connect('subscriber', version === 5 ? { properties: { receiveMaximum: 1000 } } : {})
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    await publishNumbers(context, 1, 10, 1)
    const messages = await published(subscriber)
    assert.deepEqual(texts(messages), ['1', '2', '3', '4'])
    for (const message of messages) await acknowledge(subscriber, message)
    assert.deepEqual(texts(await receive(subscriber, 6)), ['5', '6', '7', '8', '9', '10'])
  },
  { maxInflight: 4 },
)

/** Delays every PUBLISH of a client in a hook, so that none is acknowledged. */
function holdBack({ broker }: Spec): () => void {
  const held: (() => void)[] = []
  broker.authorizePublish = (_client, _packet, callback) => {
    held.push(callback)
  }
  return () => {
    for (const callback of held.splice(0)) callback()
  }
}

for (const qos of [1, 2] as const) {
  spec(
    `[5.0 MQTT-3.3.4-7] QoS ${qos}: one message more than the broker’s Receive Maximum is answered with 0x93`,
    [5],
    async context => {
      holdBack(context)
      const { client: publisher, connack } = await context.resume('publisher')
      assert.equal(connack.properties?.receiveMaximum, 5)
      for (let messageId = 1; messageId <= 5; messageId++) publisher.send(textPacket('a', 'x', { qos, messageId }))
      await publisher.expectNothing()
      publisher.send(textPacket('a', 'x', { qos, messageId: 6 }))
      await publisher.expectDisconnect(0x93)
    },
    { receiveMaximum: 5 },
  )
}

spec(
  '[5.0 MQTT-3.3.4-7] a QoS 2 message of a client counts until PUBCOMP',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    const send = (messageId: number) => publisher.send(textPacket('a', 'x', { qos: 2, messageId }))
    for (let messageId = 1; messageId <= 3; messageId++) {
      send(messageId)
      await publisher.expect('pubrec')
    }
    publisher.send({ cmd: 'pubrel', messageId: 2 })
    await publisher.expect('pubcomp')
    send(4)
    await publisher.expect('pubrec')
    publisher.send(textPacket('a', 'x', { qos: 1, messageId: 5 }))
    await publisher.expectDisconnect(0x93)
  },
  { receiveMaximum: 3 },
)

spec(
  '[5.0 MQTT-3.3.4-7] after PUBACK, or a PUBREC that refuses, a client may send another message',
  [5],
  async ({ broker, connect }) => {
    broker.authorizePublish = (_, { qos }) => qos < 2
    const publisher = await connect('publisher')
    for (let messageId = 1; messageId <= 10; messageId++) {
      assert.equal(
        await publisher.publish({ topic: 'a', qos: messageId % 2 === 0 ? 2 : 1, messageId }),
        messageId % 2 === 0 ? 0x87 : 0x10,
      )
    }
  },
  { receiveMaximum: 1 },
)

spec(
  'a client that respects the Receive Maximum is never disconnected, in whatever chunks its packets arrive',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    let next = 0
    const send = () => publisher.send(textPacket('a', String(next), { qos: 1, messageId: (next++ % 4) + 1 }))
    for (let i = 0; i < 4; i++) send()
    for (let i = 0; i < 100; i++) {
      await publisher.expect('puback')
      send()
    }
    for (let i = 0; i < 4; i++) await publisher.expect('puback')
    await publisher.expectNothing()
  },
  { receiveMaximum: 4 },
)

spec(
  'QoS 2 messages of earlier connections that wait for PUBREL do not use quota',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher', keptSession(5))
    for (const messageId of [1, 2, 3]) {
      publisher.send(textPacket('a', 'x', { qos: 2, messageId }))
      await publisher.expect('pubrec')
    }
    await publisher.drop()
    const returned = await connect('publisher', keptSession(5))
    for (const messageId of [4, 5, 6]) {
      returned.send(textPacket('a', 'x', { qos: 2, messageId }))
      await returned.expect('pubrec')
    }
    for (const messageId of [1, 2, 3, 4, 5, 6]) {
      returned.send({ cmd: 'pubrel', messageId })
      assert.equal((await returned.expect('pubcomp')).reasonCode ?? 0, 0)
    }
  },
  { receiveMaximum: 3 },
)

spec(
  '[5.0 MQTT-3.3.4-7] messages that a client sends again count',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher', keptSession(5))
    for (const messageId of [1, 2]) {
      publisher.send(textPacket('a', 'x', { qos: 2, messageId }))
      await publisher.expect('pubrec')
    }
    await publisher.drop()
    const returned = await connect('publisher', keptSession(5))
    for (const messageId of [1, 2]) {
      returned.send(textPacket('a', 'x', { qos: 2, messageId, dup: true }))
      await returned.expect('pubrec')
    }
    returned.send(textPacket('a', 'x', { qos: 2, messageId: 3 }))
    await returned.expectDisconnect(0x93)
  },
  { receiveMaximum: 2 },
)

spec(
  '3.1 and 3.1.1 clients have no Receive Maximum: further messages wait in their socket',
  [3, 4],
  async context => {
    const letPass = holdBack(context)
    const subscriber = await context.connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 0 })
    const publisher = await context.connect('publisher')
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1)
    for (const messageId of numbers) publisher.send(textPacket('a', String(messageId), { qos: 1, messageId }))
    const arrived: string[] = []
    while (arrived.length < numbers.length) {
      letPass()
      arrived.push(...texts(await subscriber.settle()))
    }
    assert.deepEqual(arrived, numbers.map(String))
    for (const messageId of numbers) assert.equal((await publisher.expect('puback')).messageId, messageId)
  },
  { receiveMaximum: 5 },
)

spec(
  'maxInflightInbound: a 3.1 or 3.1.1 client with more messages that wait for PUBREL is disconnected',
  [3, 4],
  async ({ connect }) => {
    const publisher = await connect('publisher')
    for (let messageId = 1; messageId <= 3; messageId++) {
      publisher.send(textPacket('a', 'x', { qos: 2, messageId }))
      await publisher.expect('pubrec')
    }
    publisher.send(textPacket('a', 'x', { qos: 2, messageId: 4 }))
    await publisher.expectDisconnect(0x93)
  },
  { maxInflightInbound: 3 },
)
