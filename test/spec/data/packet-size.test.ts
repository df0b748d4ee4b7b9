/**
 * Maximum Packet Size (3.1.2.11.4, 3.2.2.3.6): the broker's is enforced before a packet is read, the client's is
 * respected.
 */
import assert from 'node:assert/strict'
import type { Drop } from '../../../types/broker/events.js'
import type { ConnectPacket } from '../../../types/message/packets.js'
import { connectPacket, publishPacket, type SpecClient } from '../../support/clients/spec-client.js'
import { nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

function dropsOf({ broker }: Spec): unknown[] {
  const drops: unknown[] = []
  broker.on('drop', ({ clientId, reason, message }: Drop) => drops.push([clientId, reason, message.payload.length]))
  return drops
}

/** A PUBLISH of QoS 0 on topic `a` with this size on the wire. */
function packetOf(bytes: number, version: number) {
  const head = bytes > 130 ? 3 : 2
  return textPacket('a', 'x'.repeat(bytes - head - 3 - (version === 5 ? 1 : 0)))
}

/** Sends bytes as several chunks. */
async function sendInPieces(client: SpecClient, hex: string, cuts: readonly number[]): Promise<void> {
  let from = 0
  for (const to of [...cuts, hex.length / 2]) {
    client.sendBytes(hex.slice(from * 2, to * 2))
    from = to
    await new Promise(setImmediate)
  }
}

spec(
  'a packet of exactly the broker’s maximum is accepted, and one byte more is answered with 0x95',
  ALL,
  async ({ connect, resume, version }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe({ topic: 'a', qos: 0 })
    const { client: publisher, connack } = await resume('publisher')
    if (version === 5) assert.equal(connack.properties?.maximumPacketSize, 200)
    publisher.send(packetOf(200, version))
    await nextMessage(subscriber, 0)
    publisher.send(packetOf(201, version))
    await publisher.expectDisconnect(0x95)
    await subscriber.expectNothing()
  },
  { maxPacketSize: 200 },
)

spec(
  'a packet whose length is too large is refused before its content arrives',
  ALL,
  async ({ connect }) => {
    for (const bytes of ['30 ff ff ff 7f', '82 c7 01', 'e0 ff 7f']) {
      const publisher = await connect('publisher')
      publisher.sendBytes(bytes)
      await publisher.expectDisconnect(0x95)
    }
  },
  { maxPacketSize: 200 },
)

spec(
  'a CONNECT that is too large is refused',
  ALL,
  async ({ dial, version }) => {
    for (const cuts of [[], [1], [3], [4, 9], [9]]) {
      const client = dial()
      const head = version === 3 ? '10ff7f 0006 4d5149736470 03' : `10ff7f 0004 4d515454 0${version}`
      await sendInPieces(client, head.replaceAll(' ', ''), cuts)
      const answer = { cmd: 'connack', reasonCode: 0x95, sessionPresent: false }
      assert.deepEqual(await client.closed(), version === 5 ? [answer] : [])
    }
    const stranger = dial()
    stranger.sendBytes('10 ff 7f 00 05')
    assert.deepEqual(await stranger.closed(), [], 'the broker reads only as long as the bytes look like MQTT')
  },
  { maxPacketSize: 200 },
)

/** A CONNECT with a user property of a given size, and the largest possible other fields. */
function largeConnect(extra: number): Partial<ConnectPacket> {
  const text = 'x'.repeat(65_535)
  const bytes = Buffer.alloc(65_535)
  return {
    clientId: text,
    username: text,
    password: bytes,
    properties: { userProperties: { extra: 'x'.repeat(extra) } },
    will: {
      topic: text,
      payload: bytes,
      qos: 0,
      retain: false,
      properties: { contentType: text, responseTopic: text, correlationData: bytes },
    },
  }
}

spec(
  'the largest possible CONNECT without User Properties is accepted if the limit allows it',
  [5],
  async ({ connect }) => {
    await connect('', largeConnect(0))
  },
  { maxConnectSize: 2 ** 20 },
)

spec(
  'before it is accepted a client may send 64 KiB: a larger CONNECT is refused before its end has arrived',
  [3, 4, 5],
  async context => {
    const { broker, version, dial } = context
    const errors: unknown[] = []
    broker.on('connectionError', (_, { code }) => errors.push(code))
    const client = dial()
    // 64 KiB and a byte
    client.sendBytes(`10 fd ff 03 ${version === 3 ? '0006 4d5149736470 03' : `0004 4d515454 0${version}`}`)
    const packets = await client.closed()
    assert.deepEqual(errors, ['ANAX_ERR_PACKET_TOO_LARGE'])
    assert.deepEqual(packets.length, version === 5 ? 1 : 0)
  },
)

spec(
  'maxConnectSize also applies during an enhanced authentication, and no longer to accepted clients',
  [5],
  async ({ dial, broker, connect }) => {
    const client = await connect('client')
    client.send(publishPacket({ topic: 'a', payload: Buffer.alloc(1000) }))
    await client.expectNothing()
    const errors: unknown[] = []
    broker.on('connectionError', (_, { code }) => errors.push(code))
    broker.authenticateExtended = () => ({ result: 'continue' })
    const stranger = dial()
    stranger.send(connectPacket(5, { clientId: 's', properties: { authenticationMethod: 'm' } }))
    await stranger.expect('auth')
    stranger.sendBytes('f0 ff 7f')
    assert.deepEqual(await stranger.closed(), [])
    assert.deepEqual(errors, ['ANAX_ERR_PACKET_TOO_LARGE'])
  },
  { maxConnectSize: 200 },
)

for (const qos of [0, 1, 2] as const) {
  for (const session of ['clean', 'kept'] as const) {
    spec(
      `[5.0 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-25] QoS ${qos}, ${session} session: a message that is too large for the client is` +
        ' discarded, and counts as delivered',
      [5],
      async context => {
        const { connect, broker } = context
        const drops = dropsOf(context)
        const kept = keptSession(5)
        const clean = session === 'clean'
        const packet = {
          clean,
          properties: { ...(clean ? {} : kept.properties), maximumPacketSize: 100, receiveMaximum: 1 },
        }
        const subscriber = await connect('subscriber', packet)
        await subscriber.subscribe({ topic: 'a', qos: 2 })
        await broker.publish({ topic: 'a', qos, payload: 'x'.repeat(200) })
        await broker.publish({ topic: 'a', qos, payload: 'small' })
        assert.deepEqual(texts(await receive(subscriber, 1)), ['small'], 'it uses no quota')
        assert.deepEqual(drops, [['subscriber', 'packet-too-large', 200]])
        await subscriber.drop()
        const returned = await connect('subscriber', {
          ...packet,
          properties: { ...packet.properties, maximumPacketSize: 1000 },
        })
        await returned.expectNothing()
      },
    )
  }
}

spec(
  '[5.0 MQTT-3.1.2-24] the size of the whole packet counts: one of exactly the maximum is sent',
  [5],
  async ({ connect, broker }) => {
    const subscriber = await connect('subscriber', { properties: { maximumPacketSize: 100 } })
    await subscriber.subscribe({ topic: 'a', qos: 1 })
    // 2 fixed header, 3 topic, 2 packet id, 1 properties
    await broker.publish({ topic: 'a', qos: 1, payload: 'x'.repeat(93) })
    await broker.publish({ topic: 'a', qos: 1, payload: 'x'.repeat(92) })
    const [message] = await receive(subscriber, 1)
    assert.equal(message!.payload.length, 92)
    await subscriber.expectNothing()
  },
)

spec('each client has its own maximum', [5], async ({ connect, broker }) => {
  const small = await connect('small', { properties: { maximumPacketSize: 50 } })
  const large = await connect('large')
  for (const client of [small, large]) await client.subscribe({ topic: 'a', qos: 1 })
  await broker.publish({ topic: 'a', qos: 1, payload: 'x'.repeat(100) })
  assert.equal((await receive(large, 1)).length, 1)
  await small.expectNothing()
})

for (const cmd of ['subscribe', 'unsubscribe'] as const) {
  spec(
    `a client that does not accept an answer to ${cmd.toUpperCase()} of the necessary size is disconnected with the reason`,
    [5],
    async ({ connect }) => {
      const client = await connect('terse', { properties: { maximumPacketSize: 30 } })
      const topics = Array.from({ length: 26 }, (_, i) => `a/${i}`)
      const request = (count: number) => {
        const some = topics.slice(0, count)
        if (cmd === 'unsubscribe') client.send({ cmd, messageId: 1, unsubscriptions: some })
        else client.send({ cmd, messageId: 1, subscriptions: some.map(topic => ({ topic, qos: 0 })) })
      }
      request(25)
      assert.equal((await client.expect(cmd === 'subscribe' ? 'suback' : 'unsuback')).granted.length, 25)
      request(26)
      await client.expectDisconnect(0x95)
    },
  )
}

spec('a retained message that is too large is left out, those that fit are sent', [5], async context => {
  const { connect, broker } = context
  const drops = dropsOf(context)
  await broker.publish({ topic: 'a', qos: 1, retain: true, payload: 'x'.repeat(200) })
  await broker.publish({ topic: 'b', qos: 1, retain: true, payload: 'fits' })
  for (const packet of [{}, keptSession(5)]) {
    const client = await connect('client', { ...packet, properties: { ...packet.properties, maximumPacketSize: 100 } })
    await client.subscribe({ topic: '#', qos: 1 })
    assert.deepEqual(texts(await receive(client, 1)), ['fits'])
    await client.expectNothing()
    await client.disconnect()
  }
  assert.deepEqual(drops, Array(2).fill(['client', 'packet-too-large', 200]))
})

spec('a message in flight that is too large for the next connection is not sent again', [5], async context => {
  const { connect, broker } = context
  const drops = dropsOf(context)
  const subscriber = await connect('subscriber', keptSession(5))
  await subscriber.subscribe({ topic: 'a', qos: 1 })
  await broker.publish({ topic: 'a', qos: 1, payload: 'x'.repeat(200) })
  await nextMessage(subscriber, 1)
  await subscriber.drop()
  const kept = keptSession(5)
  const returned = await connect('subscriber', { ...kept, properties: { ...kept.properties, maximumPacketSize: 100 } })
  await returned.expectNothing()
  await returned.drop()
  await (await connect('subscriber', kept)).expectNothing()
  assert.deepEqual(drops, [['subscriber', 'packet-too-large', 200]])
})

for (const [cmd, clauses] of [
  ['puback', '[5.0 MQTT-3.4.2-2] [5.0 MQTT-3.4.2-3]'],
  ['pubrec', '[5.0 MQTT-3.5.2-2] [5.0 MQTT-3.5.2-3]'],
] as const) {
  spec(
    `${clauses} ${cmd.toUpperCase()} has no Reason String and User Properties if they would make it too large`,
    [5],
    async ({ broker, connect }) => {
      broker.authorizePublish = (_client, _packet, callback) => callback(new Error('r'.repeat(100)))
      const qos = cmd === 'puback' ? 1 : 2
      const talkative = await connect('talkative')
      talkative.send(textPacket('a', 'x', { qos, messageId: 1 }))
      const long = await talkative.expect(cmd)
      assert.match(long.properties?.reasonString ?? '', /rrr/)
      const terse = await connect('terse', { properties: { maximumPacketSize: 50 } })
      terse.send(textPacket('a', 'x', { qos, messageId: 1 }))
      const short = await terse.expect(cmd)
      assert.deepEqual([short.reasonCode, short.properties], [0x87, undefined])
    },
  )
}

spec(
  '[5.0 MQTT-3.6.2-2] [5.0 MQTT-3.6.2-3] [5.0 MQTT-3.7.2-2] [5.0 MQTT-3.7.2-3] PUBREL and PUBCOMP have no Reason String and User Properties',
  [5],
  async ({ connect }) => {
    const client = await connect('client', { properties: { maximumPacketSize: 30 } })
    client.send({ cmd: 'pubrec', messageId: 1 }, { cmd: 'pubrel', messageId: 2 })
    const pubrel = await client.expect('pubrel')
    const pubcomp = await client.expect('pubcomp')
    assert.deepEqual([pubrel.reasonCode, pubrel.properties], [0x92, undefined])
    assert.deepEqual([pubcomp.reasonCode, pubcomp.properties], [0x92, undefined])
  },
)
