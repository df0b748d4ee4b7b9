/** Errors: the code of the standard; the connection ends, and no other. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { connectBytes, packetBytes, propertiesOf, refuse, textField } from '../../support/bytes.js'
import { spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

type Wrong = readonly [what: string, reasonCode: number, bytes: (version: ProtocolVersion) => string]

const topic = textField('a')

/** In every version. */
const WRONG: readonly Wrong[] = [
  ['a packet type that does not exist', 0x81, () => '00 00'],
  ['a remaining length of five bytes', 0x81, () => '30 80 80 80 80 01'],
  ['a PUBLISH with QoS 3', 0x81, v => packetBytes(0x36, topic, '0001', propertiesOf(v))],
  ['a PUBLISH without a topic field', 0x81, () => '30 00'],
  ['a PUBLISH to a filter', 0x90, v => packetBytes(0x30, textField('a/#'), propertiesOf(v))],
  ['a SUBSCRIBE without filters', 0x82, v => packetBytes(0x82, '0001', propertiesOf(v))],
  ['a SUBSCRIBE that ends in a filter', 0x81, v => packetBytes(0x82, '0001', propertiesOf(v), '0005 61')],
  ['a SUBSCRIBE without QoS', 0x81, v => packetBytes(0x82, '0001', propertiesOf(v), topic)],
  ['an UNSUBSCRIBE without filters', 0x82, v => packetBytes(0xa2, '0001', propertiesOf(v))],
  ['a PINGREQ with content', 0x81, () => 'c0 01 00'],
  ['a PUBACK without packet identifier', 0x81, () => '40 00'],
  ['a CONNACK', 0x82, () => '20 02 00 00'],
  ['a second CONNECT', 0x82, v => connectBytes(v)],
]
/** In 5.0. */
const WRONG_SINCE_5: readonly Wrong[] = [
  ['an unknown property', 0x81, () => packetBytes(0x30, topic, propertiesOf(5, '7e 00'))],
  ['a property of another packet', 0x81, () => packetBytes(0x30, topic, propertiesOf(5, '11 00 00 00 01'))],
  ['a property twice', 0x82, () => packetBytes(0x30, topic, propertiesOf(5, '01 01 01 01'))],
  ['properties longer than the packet', 0x81, () => packetBytes(0x30, topic, '09 01 01')],
  ['a Payload Format Indicator of 2', 0x82, () => packetBytes(0x30, topic, propertiesOf(5, '01 02'))],
  ['a Topic Alias of 0', 0x94, () => packetBytes(0x30, topic, propertiesOf(5, '23 0000'))],
  ['a Subscription Identifier of 0', 0x82, () => packetBytes(0x82, '0001', propertiesOf(5, '0b 00'), topic, '00')],
  ['Retain Handling 3', 0x82, () => packetBytes(0x82, '0001', '00', topic, '30')],
  ['an empty topic without alias', 0x82, () => packetBytes(0x30, '0000', '00')],
  ['AUTH without a method in CONNECT', 0x82, () => packetBytes(0xf0, '18', propertiesOf(5, '15 0001 6d'))],
  ['AUTH without a method of its own', 0x82, () => packetBytes(0xf0, '18', '00')],
]

function endsOneConnection(title: string, versions: readonly ProtocolVersion[], [, reasonCode, bytes]: Wrong): void {
  spec(title, versions, async ({ version, broker, connect }) => {
    const errors: unknown[] = []
    broker.on('clientError', (client, error) => errors.push([client.id, error.reasonCode]))
    const other = await connect('other')
    await other.subscribe({ topic: 'b', qos: 0 })
    const client = await connect('client')
    client.sendBytes(bytes(version))
    await client.expectDisconnect(reasonCode)
    assert.deepEqual(errors, [['client', reasonCode]])
    await broker.publish({ topic: 'b' })
    await other.expect('publish')
    assert.deepEqual(Object.keys(broker.clients), ['other'])
  })
}
for (const wrong of WRONG) {
  const tested = `[3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1] [5.0 MQTT-4.13.2-1] ${wrong[0]} ends its own connection and no other`
  endsOneConnection(tested, ALL, wrong)
}
for (const wrong of WRONG_SINCE_5) {
  const tested = `[5.0 MQTT-4.13.1-1] [5.0 MQTT-4.13.2-1] ${wrong[0]} ends its own connection and no other`
  endsOneConnection(tested, [5], wrong)
}

spec('[5.0 MQTT-4.13.1-1] a malformed CONNECT is answered with CONNACK 0x81 and a close', [5], async ({ dial }) => {
  await refuse(dial(), packetBytes(0x10, textField('MQTT'), '05 02 00'), 0x81)
})

spec('garbage instead of CONNECT closes the connection without an answer', ALL, async ({ dial }) => {
  for (const bytes of [
    '00',
    'ff ff ff ff',
    '16 03 01 02 00 01 00',
    Buffer.from('GET / HTTP/1.1\r\n').toString('hex'),
  ]) {
    const client = dial()
    client.sendBytes(bytes)
    assert.deepEqual(await client.closed(), [])
  }
})

spec(
  '[5.0 MQTT-4.13.2-1] after a DISCONNECT with 0x80 or above from a client the broker closes the connection',
  [5],
  async tools => {
    for (const reasonCode of [0x80, 0x81, 0x82, 0x94]) {
      const client = await tools.connect('client')
      client.send({ cmd: 'disconnect', reasonCode })
      assert.deepEqual(await client.closed(), [])
    }
    assert.equal(tools.broker.connectedClients, 0)
  },
)

spec(
  '[3.1.1 MQTT-4.8.0-2] a packet that cannot be handled at the moment ends its own connection and no other',
  [3, 4],
  async ({ broker, connect }) => {
    broker.published = ({ topic }) => {
      if (topic === 'failing') throw new Error('for the moment')
    }
    const other = await connect('other')
    const client = await connect('client')
    client.sendBytes(packetBytes(0x32, textField('failing'), '0001'))
    assert.deepEqual(await client.closed(), [])
    await other.expectNothing()
    assert.equal(await other.publish({ topic: 'working', qos: 1 }), 0)
  },
)

spec('bytes after an error are ignored', ALL, async ({ version, broker, connect }) => {
  let published = 0
  broker.on('publish', () => published++)
  const client = await connect('client')
  client.sendBytes(`c0 01 00 ${packetBytes(0x30, topic, propertiesOf(version))}`)
  await client.expectDisconnect(0x81)
  assert.equal(published, 0)
})
