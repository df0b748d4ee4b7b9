/** The format of CONNECT, rule by rule in raw bytes: 0x81 (or a more specific code), then the connection is closed. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import {
  type ConnectBytes,
  connectBytes,
  hexField,
  packetBytes,
  propertiesOf,
  refuse,
  textField,
} from '../../support/bytes.js'
import { spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]
const ID = textField('raw')
const NOT_UTF8 = hexField('ed a0 80')

/** A violation, and a CONNECT that contains it. */
function rejects(title: string, versions: readonly ProtocolVersion[], parts: (v: ProtocolVersion) => ConnectBytes) {
  spec(`${title} is refused`, versions, async ({ version, dial, broker }) => {
    await refuse(dial(), connectBytes(version, parts(version)), 0x81)
    assert.equal(broker.connectedClients, 0)
  })
}

function will(version: ProtocolVersion, topic = textField('t'), payload = textField('p')): string[] {
  return [propertiesOf(version), topic, payload]
}

rejects('[3.1.1 MQTT-3.1.2-3] [5.0 MQTT-3.1.2-3] the reserved connect flag', ALL, () => ({ flags: 0x03 }))

rejects('[3.1.1 MQTT-3.1.2-13] [3.1.1 MQTT-3.1.2-11] [5.0 MQTT-3.1.2-11] will QoS 1 without a will', ALL, () => ({
  flags: 0x0a,
}))
rejects('[3.1.1 MQTT-3.1.2-13] [5.0 MQTT-3.1.2-11] will QoS 2 without a will', ALL, () => ({ flags: 0x12 }))
rejects('[3.1.1 MQTT-3.1.2-15] [5.0 MQTT-3.1.2-13] will retain without a will', ALL, () => ({ flags: 0x22 }))
rejects('[3.1.1 MQTT-3.1.2-11] will fields without the will flag', ALL, version => ({
  payload: [ID, ...will(version)],
}))
rejects('[3.1.1 MQTT-3.1.2-14] [5.0 MQTT-3.1.2-12] will QoS 3', ALL, version => ({
  flags: 0x1e,
  payload: [ID, ...will(version)],
}))
rejects('[3.1.1 MQTT-3.1.2-9] [5.0 MQTT-3.1.2-9] the will flag without will fields', ALL, () => ({ flags: 0x06 }))
rejects('[3.1.1 MQTT-3.1.2-9] [5.0 MQTT-3.1.2-9] a will topic without a will payload', ALL, version => ({
  flags: 0x06,
  payload: [ID, propertiesOf(version), textField('t')],
}))
rejects('[5.0 MQTT-3.1.2-9] a will without will properties', [5], () => ({
  flags: 0x06,
  payload: [ID, textField('t'), textField('p')],
}))

rejects('[3.1.1 MQTT-3.1.2-18] [5.0 MQTT-3.1.2-16] a user name without its flag', ALL, () => ({
  payload: [ID, textField('user')],
}))
rejects('[3.1.1 MQTT-3.1.2-19] [5.0 MQTT-3.1.2-17] the user name flag without a user name', ALL, () => ({
  flags: 0x82,
}))
rejects('[3.1.1 MQTT-3.1.2-20] [5.0 MQTT-3.1.2-18] a password without its flag', ALL, () => ({
  flags: 0x82,
  payload: [ID, textField('user'), textField('secret')],
}))
rejects('[3.1.1 MQTT-3.1.2-21] [5.0 MQTT-3.1.2-19] the password flag without a password', ALL, () => ({
  flags: 0xc2,
  payload: [ID, textField('user')],
}))
rejects('[3.1.1 MQTT-3.1.2-22] a password flag without the user name flag', [3, 4], () => ({
  flags: 0x42,
  payload: [ID, textField('secret')],
}))

rejects('[3.1.1 MQTT-3.1.3-3] [5.0 MQTT-3.1.3-3] a CONNECT without client identifier', ALL, () => ({ payload: [] }))
rejects('[3.1.1 MQTT-3.1.3-4] [5.0 MQTT-3.1.3-4] a client identifier that is not UTF-8', ALL, () => ({
  payload: [NOT_UTF8],
}))
rejects('[3.1.1 MQTT-3.1.3-10] [5.0 MQTT-3.1.3-11] a will topic that is not UTF-8', ALL, version => ({
  flags: 0x06,
  payload: [ID, ...will(version, NOT_UTF8)],
}))
rejects('[3.1.1 MQTT-3.1.3-11] [5.0 MQTT-3.1.3-12] a user name that is not UTF-8', ALL, () => ({
  flags: 0x82,
  payload: [ID, NOT_UTF8],
}))
rejects('[5.0 MQTT-3.1.3-1] a will after user name and password', [5], version => ({
  flags: 0xc6,
  payload: [ID, textField('user'), textField('secret'), ...will(version)],
}))
rejects('[3.1.1 MQTT-3.1.4-1] [5.0 MQTT-3.1.4-1] a CONNECT with extra bytes at its end', ALL, () => ({
  payload: [ID, '00'],
}))
rejects('[3.1.1 MQTT-3.1.4-1] [5.0 MQTT-3.1.4-1] a CONNECT that ends too early', ALL, () => ({ payload: ['00 05 61'] }))

spec(
  '[3.1.1 MQTT-3.1.3-1] [5.0 MQTT-3.1.3-1] [5.0 MQTT-3.1.3-12] the payload is client id, will, user name, password in this order',
  ALL,
  async ({ version, dial, broker }) => {
    let seen: unknown[] = []
    broker.authenticate = (client, username, password) => {
      seen = [client.id, client.will?.topic, client.will?.payload.toString(), username, password?.toString()]
      return true
    }
    const client = dial()
    const fields = [textField('me'), ...will(version, textField('the/topic'), textField('gone'))]
    const payload = [...fields, textField('user'), textField('secret')]
    client.sendBytes(connectBytes(version, { flags: 0xc6, payload }))
    await client.expect('connack')
    assert.deepEqual(seen, ['me', 'the/topic', 'gone', 'user', 'secret'])
  },
)

spec('a password without user name is accepted in 5.0', [5], async ({ dial, broker }) => {
  let seen: unknown
  broker.authenticate = (_, username, password) => {
    seen = [username, password?.toString()]
    return true
  }
  const client = dial()
  client.sendBytes(connectBytes(5, { flags: 0x42, payload: [ID, textField('secret')] }))
  assert.equal((await client.expect('connack')).reasonCode, 0)
  assert.deepEqual(seen, [undefined, 'secret'])
})

spec(
  '[3.1.1 MQTT-3.1.2-1] [5.0 MQTT-3.1.2-1] another protocol name is refused',
  [4, 5],
  async ({ version, dial, broker }) => {
    for (const name of ['mqtt', 'MQTT ', 'MQTS', '']) {
      await refuse(dial(), connectBytes(version, { name }), 0x84, 1)
    }
    assert.equal(broker.connectedClients, 0)
  },
)

spec(
  '[3.1.1 MQTT-3.1.2-2] [5.0 MQTT-3.1.2-2] an unsupported protocol level is refused with 0x84 or return code 1',
  [4, 5],
  async ({ dial }) => {
    // in the nearest version: 5.0 from level 5 on, 3.1.1 below
    for (const level of [6, 127, 0x85]) await refuse(dial(5), packet('MQTT', level, 5), 0x84)
    for (const level of [0, 1, 2, 3]) await refuse(dial(4), packet('MQTT', level, 4), 0x84, 1)
    for (const level of [1, 2, 4]) await refuse(dial(4), packet('MQIsdp', level, 4), 0x84, 1)
  },
)

/** A CONNECT of an unknown level, in the layout of a version. */
function packet(name: string, level: number, version: ProtocolVersion): string {
  const levelByte = level.toString(16).padStart(2, '0')
  return packetBytes(0x10, textField(name), levelByte, '02 00 00', propertiesOf(version), ID)
}

const CONNECT_PROPERTIES: readonly [what: string, properties: string, reasonCode: number][] = [
  ['a Receive Maximum of 0', '21 00 00', 0x82],
  ['a Maximum Packet Size of 0', '27 00 00 00 00', 0x82],
  ['Request Response Information 2', '19 02', 0x82],
  ['Request Problem Information 2', '17 02', 0x82],
  ['the same property twice', '21 00 01 21 00 01', 0x82],
  ['Authentication Data without a method', '16 00 01 61', 0x82],
  ['a property of another packet', '23 00 01', 0x81],
  ['an unknown property', '7f 00', 0x81],
  ['a property that is cut off', '11 00 00', 0x81],
]
for (const [what, properties, reasonCode] of CONNECT_PROPERTIES) {
  spec(`[5.0 MQTT-4.13.1-1] [5.0 MQTT-3.1.4-1] ${what} in CONNECT is refused`, [5], async ({ dial }) => {
    await refuse(dial(), connectBytes(5, { properties }), reasonCode)
  })
}

const WILL_PROPERTIES: readonly [what: string, properties: string, reasonCode: number][] = [
  ['a Will Delay Interval twice', '18 00 00 00 01 18 00 00 00 01', 0x82],
  ['a Payload Format Indicator of 2', '01 02', 0x82],
  ['a Response Topic with a wildcard', '08 00 01 23', 0x82],
  ['a Topic Alias', '23 00 01', 0x81],
]
for (const [what, properties, reasonCode] of WILL_PROPERTIES) {
  spec(`[5.0 MQTT-3.1.4-1] ${what} in the will properties is refused`, [5], async ({ dial }) => {
    const payload = [ID, propertiesOf(5, properties), textField('t'), textField('p')]
    await refuse(dial(), connectBytes(5, { flags: 0x06, payload }), reasonCode)
  })
}

for (const topic of ['', 'a/#', '+']) {
  spec(
    `[5.0 MQTT-3.1.4-1] [3.1.1 MQTT-3.1.4-1] the will topic "${topic}" is refused`,
    ALL,
    async ({ version, dial }) => {
      const payload = [ID, ...will(version, textField(topic))]
      await refuse(dial(), connectBytes(version, { flags: 0x06, payload }), 0x90)
    },
  )
}
