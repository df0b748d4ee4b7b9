/** CONNACK: its properties, and that the broker acts accordingly. */
import assert from 'node:assert/strict'
import type { ConnectPacket, Will } from '../../../types/message/packets.js'
import { recordBytes, refuse } from '../../support/bytes.js'
import { connectPacket, publishPacket } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

function willOf(parts: Partial<Will>): Will {
  return { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false, ...parts }
}

for (const maximumQoS of [0, 1] as const) {
  spec(
    `[5.0 MQTT-3.2.2-9] [5.0 MQTT-3.2.2-11] CONNACK says Maximum QoS ${maximumQoS}, and a PUBLISH above it is answered with DISCONNECT 0x9B`,
    [5],
    async ({ resume }) => {
      const { client, connack } = await resume('client')
      assert.equal(connack.properties?.maximumQoS, maximumQoS)
      assert.equal(await client.publish({ topic: 'a', qos: maximumQoS }), maximumQoS === 0 ? 0 : 0x10)
      client.send(publishPacket({ topic: 'a', qos: (maximumQoS + 1) as 1 | 2, messageId: 8 }))
      await client.expectDisconnect(0x9b)
    },
    { maximumQoS },
  )

  spec(
    `[5.0 MQTT-3.2.2-10] SUBSCRIBE with any QoS is accepted if Maximum QoS is ${maximumQoS}`,
    [3, 4, 5],
    async ({ connect }) => {
      const client = await connect('client')
      const granted = await client.subscribe({ topic: 'a', qos: 0 }, { topic: 'b', qos: 1 }, { topic: 'c', qos: 2 })
      assert.ok(granted.every((code, qos) => code <= qos))
    },
    { maximumQoS },
  )

  spec(
    `[5.0 MQTT-3.2.2-12] a will above Maximum QoS ${maximumQoS} is refused with 0x9B`,
    [5],
    async ({ dial, connect }) => {
      const will = willOf({ qos: (maximumQoS + 1) as 1 | 2 })
      await refuse(dial(), connectPacket(5, { will }), 0x9b)
      await connect('fits', { will: willOf({ qos: maximumQoS }) })
    },
    { maximumQoS },
  )
}

spec('CONNACK has no Maximum QoS if it is 2', [5], async ({ resume }) => {
  assert.equal((await resume('client')).connack.properties?.maximumQoS, undefined)
})

spec(
  '[5.0 MQTT-3.2.2-13] a retained will is refused with 0x9A if retained messages are not available',
  [5],
  async ({ dial }) => {
    await refuse(dial(), connectPacket(5, { will: willOf({ retain: true }) }), 0x9a)
  },
  { retainAvailable: false },
)

spec(
  '[5.0 MQTT-3.2.2-14] CONNACK says Retain Available 0, and a PUBLISH with RETAIN is answered with DISCONNECT 0x9A',
  [5],
  async ({ resume }) => {
    const { client, connack } = await resume('client')
    assert.equal(connack.properties?.retainAvailable, false)
    client.send(publishPacket({ topic: 'a', retain: true }))
    await client.expectDisconnect(0x9a)
  },
  { retainAvailable: false },
)

spec(
  '[5.0 MQTT-3.2.2-15] CONNACK says Maximum Packet Size, and a larger packet is answered with DISCONNECT 0x95',
  [5],
  async ({ resume, broker }) => {
    const published: number[] = []
    broker.on('publish', ({ payload }) => published.push(payload.length))
    const { client, connack } = await resume('client')
    assert.equal(connack.properties?.maximumPacketSize, 100)
    // first byte, length, topic with its length, properties: 6 bytes
    client.send(publishPacket({ topic: 'a', payload: Buffer.alloc(94) }))
    await client.expectNothing()
    client.send(publishPacket({ topic: 'a', payload: Buffer.alloc(95) }))
    await client.expectDisconnect(0x95)
    assert.deepEqual(published, [94])
  },
  { maxPacketSize: 100 },
)

spec(
  '[5.0 MQTT-3.2.2-17] CONNACK says Topic Alias Maximum, and an alias above it is answered with DISCONNECT 0x94',
  [5],
  async ({ resume }) => {
    const { client, connack } = await resume('client')
    assert.equal(connack.properties?.topicAliasMaximum, 3)
    client.send(publishPacket({ topic: 'a', properties: { topicAlias: 3 } }))
    await client.expectNothing()
    client.send(publishPacket({ topic: 'a', properties: { topicAlias: 4 } }))
    await client.expectDisconnect(0x94)
  },
  { topicAliasMaximum: 3 },
)

spec(
  '[5.0 MQTT-3.2.2-18] without Topic Alias Maximum any alias is answered with DISCONNECT 0x94',
  [5],
  async ({ resume }) => {
    const { client, connack } = await resume('client')
    assert.equal(connack.properties?.topicAliasMaximum, undefined)
    client.send(publishPacket({ topic: 'a', properties: { topicAlias: 1 } }))
    await client.expectDisconnect(0x94)
  },
  { topicAliasMaximum: 0 },
)

spec(
  'CONNACK lists the features that are not available, and no others',
  [5],
  async ({ resume }) => {
    const { properties } = (await resume('client')).connack
    assert.deepEqual(properties, {
      receiveMaximum: 7,
      maximumPacketSize: 2 * 2 ** 20,
      topicAliasMaximum: 16,
      wildcardSubscriptionAvailable: false,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: false,
    })
  },
  {
    receiveMaximum: 7,
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifiersAvailable: false,
    sharedSubscriptionAvailable: false,
  },
)

/** A refusal with an explanation, for a client that accepts 100 bytes and for one that accepts 1000. */
function leavesOut(title: string, explanation: { reasonString?: string; userProperties?: Record<string, string> }) {
  spec(`[5.0 MQTT-3.1.2-24] ${title}`, [5], async ({ broker, dial }) => {
    broker.authenticate = () => ({ reasonCode: 0x87, ...explanation })
    for (const [maximumPacketSize, expected] of [
      [100, {}],
      [1000, explanation],
    ] as const) {
      const client = dial()
      const bytes = recordBytes(client)
      const connack = await client.connect({ properties: { maximumPacketSize } })
      assert.equal(connack.reasonCode, 0x87)
      assert.deepEqual(plain(connack.properties ?? {}), expected)
      assert.ok(bytes.take().length / 2 <= maximumPacketSize)
    }
  })
}

leavesOut('[5.0 MQTT-3.2.2-19] a Reason String too large for the client is left out of CONNACK', {
  reasonString: 'x'.repeat(200),
})
leavesOut('[5.0 MQTT-3.2.2-20] User Properties too large for the client are left out of CONNACK', {
  userProperties: { why: 'x'.repeat(200) },
})

/** Decoded objects have no prototype. */
function plain(properties: object): unknown {
  return JSON.parse(JSON.stringify(properties))
}

for (const clientId of ['client', '']) {
  spec(
    `[5.0 MQTT-3.1.2-24] a client ${clientId === '' ? 'without an identifier ' : ''}that accepts only 20 bytes is accepted: CONNACK leaves out what is not necessary`,
    [5],
    async ({ broker, dial }) => {
      const told: unknown[] = []
      broker.on('connackSent', packet => told.push(packet.properties))
      const client = dial()
      const bytes = recordBytes(client)
      const properties = { maximumPacketSize: 20, requestResponseInformation: true }
      const connack = await client.connect({ clientId, properties })
      assert.equal(connack.reasonCode, 0)
      assert.ok(bytes.take().length / 2 <= 20)
      const { assignedClientIdentifier: assigned } = connack.properties ?? {}
      assert.equal(assigned === undefined, clientId !== '')
      const topicAliasMaximum = clientId === '' ? {} : { topicAliasMaximum: 16 }
      const expected = { ...(assigned !== undefined && { assignedClientIdentifier: assigned }), ...topicAliasMaximum }
      assert.deepEqual(plain(connack.properties ?? {}), expected)
      assert.deepEqual(told, [expected], 'the event has what was sent')
    },
    // a limit on packets would have to be announced, too
    { responseInformation: 'x'.repeat(20), maxPacketSize: 268_435_460 },
  )
}

for (const maximumPacketSize of [5, 10]) {
  spec(
    `[5.0 MQTT-3.1.2-24] [5.0 MQTT-3.2.0-1] a client that accepts ${maximumPacketSize} bytes, too few for CONNACK, is refused`,
    [5],
    async ({ broker, connect, dial }) => {
      const events: string[] = []
      broker.on('client', ({ id }) => events.push(`client ${id}`))
      broker.on('clientDisconnect', ({ id }) => events.push(`gone ${id}`))
      const watcher = await connect('watcher')
      await watcher.subscribe({ topic: 'will', qos: 0 })
      await refuse(
        dial(),
        connectPacket(5, { clientId: '', properties: { maximumPacketSize }, will: willOf({}) }),
        0x95,
      )
      await watcher.expectNothing()
      assert.deepEqual(events, ['client watcher'])
    },
  )
}

spec('CONNACK may have both if Request Problem Information is 0', [5], async ({ broker, dial }) => {
  broker.authenticate = () => ({ reasonCode: 0x87, reasonString: 'why', userProperties: { a: 'b' } })
  const connack = await dial().connect({ properties: { requestProblemInformation: false } })
  assert.deepEqual(plain(connack.properties ?? {}), { reasonString: 'why', userProperties: { a: 'b' } })
})

for (const [asked, told] of [
  [undefined, undefined],
  [false, undefined],
  [true, 'reply/client'],
] as const) {
  spec(
    `[5.0 MQTT-3.1.2-28] Request Response Information ${asked ?? 'absent'}: ${told ?? 'no Response Information'}`,
    [5],
    async ({ resume }) => {
      const packet: Partial<ConnectPacket> =
        asked === undefined ? {} : { properties: { requestResponseInformation: asked } }
      assert.equal((await resume('client', packet)).connack.properties?.responseInformation, told)
    },
    { responseInformation: ({ id }) => `reply/${id}` },
  )
}

spec(
  'a will whose payload is not UTF-8 as its Payload Format Indicator says is refused with 0x99 if payloads are checked',
  [5],
  async ({ dial, connect }) => {
    const properties = { payloadFormatIndicator: true }
    const will = willOf({ payload: Buffer.from('ff', 'hex'), properties })
    await refuse(dial(), connectPacket(5, { will }), 0x99)
    await connect('text', { will: willOf({ payload: Buffer.from('ü'), properties }) })
  },
  { validatePayloadFormat: true },
)
