/**
 * Packet identifiers: never 0, unused when they are assigned, the same in every answer, and absent where they must be.
 */
import assert from 'node:assert/strict'
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { byte, packetBytes, propertiesOf, recordBytes, textField } from '../../support/bytes.js'
import { publishPacket } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]
const IDS = [1, 2, 255, 256, 32_768, 65_535]

const WITH_ID_0: readonly [name: string, packet: (version: ProtocolVersion) => string][] = [
  ['SUBSCRIBE', version => packetBytes(0x82, '0000', propertiesOf(version), textField('a'), '00')],
  ['UNSUBSCRIBE', version => packetBytes(0xa2, '0000', propertiesOf(version), textField('a'))],
  ['PUBLISH with QoS 1', version => packetBytes(0x32, textField('a'), '0000', propertiesOf(version))],
  ['PUBLISH with QoS 2', version => packetBytes(0x34, textField('a'), '0000', propertiesOf(version))],
  ['PUBACK', () => packetBytes(0x40, '0000')],
  ['PUBREL', () => packetBytes(0x62, '0000')],
]
for (const [name, packet] of WITH_ID_0) {
  spec(
    `[3.1.1 MQTT-2.3.1-1] [5.0 MQTT-2.2.1-3] ${name} with packet identifier 0 is a protocol error`,
    ALL,
    async ({ version, connect, broker }) => {
      let published = 0
      broker.on('publish', () => published++)
      const client = await connect('client')
      client.sendBytes(packet(version))
      await client.expectDisconnect(0x82)
      assert.equal(published, 0)
    },
  )
}

spec(
  '[3.1.1 MQTT-2.3.1-6] [5.0 MQTT-2.2.1-5] PUBACK, PUBREC, PUBREL and PUBCOMP repeat the identifier of their PUBLISH',
  ALL,
  async ({ broker, connect }) => {
    const client = await connect('client')
    for (const messageId of IDS) {
      client.send(publishPacket({ topic: 'a', qos: 1, messageId }))
      assert.equal((await client.expect('puback')).messageId, messageId)
      client.send(publishPacket({ topic: 'a', qos: 2, messageId }))
      assert.equal((await client.expect('pubrec')).messageId, messageId)
      client.send({ cmd: 'pubrel', messageId })
      assert.equal((await client.expect('pubcomp')).messageId, messageId)
    }
    await client.subscribe({ topic: 'b', qos: 2 })
    for (let i = 0; i < 3; i++) {
      await broker.publish({ topic: 'b', qos: 2 })
      const { messageId } = await client.expect('publish')
      client.send({ cmd: 'pubrec', messageId: messageId! })
      assert.equal((await client.expect('pubrel')).messageId, messageId)
      if (i > 0) client.send({ cmd: 'pubcomp', messageId: messageId! })
    }
  },
)

spec(
  '[3.1.1 MQTT-2.3.1-7] [5.0 MQTT-2.2.1-6] SUBACK and UNSUBACK repeat the identifier of their request',
  ALL,
  async ({ connect }) => {
    const client = await connect('client')
    for (const messageId of IDS) {
      client.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: 'a', qos: 0 }] })
      assert.equal((await client.expect('suback')).messageId, messageId)
      client.send({ cmd: 'unsubscribe', messageId, unsubscriptions: ['a'] })
      assert.equal((await client.expect('unsuback')).messageId, messageId)
    }
  },
)

spec(
  '[3.1.1 MQTT-2.3.1-4] [5.0 MQTT-2.2.1-4] each message in flight has a packet identifier that is unused and not 0',
  ALL,
  async ({ version, broker, connect, resume }) => {
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 2 })
    const open = new Set<number>()
    const receive = async (from: typeof client) => {
      const { messageId = 0 } = await from.expect('publish')
      assert.ok(messageId > 0 && messageId <= 65_535)
      assert.ok(!open.has(messageId), `${messageId} is in use`)
      open.add(messageId)
      return messageId
    }
    for (let i = 0; i < 50; i++) {
      await broker.publish({ topic: 'a', qos: (1 + (i % 2)) as 1 | 2 })
      const messageId = await receive(client)
      if (i % 3 !== 0) continue
      const answers: Packet[] = i % 2 === 0 ? [{ cmd: 'puback', messageId }] : [{ cmd: 'pubrec', messageId }]
      client.send(...answers)
      if (i % 2 === 1) {
        await client.expect('pubrel')
        client.send({ cmd: 'pubcomp', messageId })
      }
      open.delete(messageId)
    }
    await client.drop()
    // after reconnecting, unfinished messages keep theirs, and new ones get others
    const { client: back } = await resume('client', keptSession(version))
    const again = new Set<number>()
    for (let i = 0; i < open.size; i++) again.add((await back.expect('publish')).messageId!)
    assert.deepEqual([...again].sort(), [...open].sort())
    for (let i = 0; i < 20; i++) {
      await broker.publish({ topic: 'a', qos: 1 })
      await receive(back)
    }
  },
)

spec(
  '[3.1.1 MQTT-2.3.1-5] [5.0 MQTT-2.2.1-2] a PUBLISH with QoS 0 has no packet identifier, in either direction',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('client')
    await client.subscribe({ topic: 'a', qos: 2 })
    const bytes = recordBytes(client)
    client.sendBytes(packetBytes(0x30, textField('a'), propertiesOf(version), byte(0x78)))
    const { payload, messageId } = await client.expect('publish')
    assert.deepEqual([payload.toString(), messageId], ['x', undefined])
    assert.equal(bytes.take(), packetBytes(0x30, textField('a'), propertiesOf(version), '78').replaceAll(' ', ''))
  },
)

const SHORT_OF_PROPERTIES: readonly [name: string, bytes: string][] = [
  ['PUBLISH', packetBytes(0x30, textField('a'))],
  ['PUBLISH with QoS 1', packetBytes(0x32, textField('a'), '0001')],
  ['SUBSCRIBE', packetBytes(0x82, '0001')],
  ['UNSUBSCRIBE', packetBytes(0xa2, '0001')],
]
for (const [name, bytes] of SHORT_OF_PROPERTIES) {
  spec(`[5.0 MQTT-2.2.2-1] ${name} without a property length is malformed`, [5], async ({ connect }) => {
    const client = await connect('client')
    client.sendBytes(bytes)
    await client.expectDisconnect(0x81)
  })
}

spec(
  '[5.0 MQTT-2.2.2-1] the broker sends a property length of 0 if there are no properties',
  [5],
  async ({ connect }) => {
    const client = await connect('client')
    const bytes = recordBytes(client)
    await client.subscribe({ topic: 'a', qos: 0 })
    assert.equal(bytes.take(), '900400010000')
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
    await client.expect('unsuback')
    assert.equal(bytes.take(), 'b00400020000')
  },
)

spec(
  '[5.0 MQTT-2.2.2-1] acknowledgements, DISCONNECT and AUTH may leave out the property length',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client')
    await client.subscribe({ topic: 'a', qos: 1 })
    for (const answer of ['40 02', '40 03', '40 04'] as const) {
      await broker.publish({ topic: 'a', qos: 1 })
      const { messageId = 0 } = await client.expect('publish')
      const rest = { '40 02': '', '40 03': '00', '40 04': '00 00' }[answer]
      client.sendBytes(`${answer} ${messageId.toString(16).padStart(4, '0')} ${rest}`)
      await client.expectNothing()
    }
    client.sendBytes('e0 01 00')
    assert.deepEqual(await client.closed(), [])
  },
)
