/**
 * Explanations of the server: another server to use, reason strings, user properties, and clients that want none
 * (3.1.2.11.7).
 */
import assert from 'node:assert/strict'
import type { ConnectRefusal, RefusalError } from '../../../types/broker/hooks.js'
import type { ConnackPacket, DisconnectPacket, UserProperties } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const EXPLANATION = { reasonString: 'a reason, at length: '.repeat(5), userProperties: { hint: ['one', 'two'] } }
const MOVED = { reasonCode: 0x9d, serverReference: 'other.example:1883', ...EXPLANATION }

/** Properties with the prototype that decoded user properties do not have. */
function plain<T extends { userProperties?: UserProperties }>(properties: T | undefined): T | undefined {
  return properties?.userProperties === undefined
    ? properties
    : { ...properties, userProperties: { ...properties.userProperties } }
}

/** Sets a hook that refuses. */
type Gate = (frame: Spec, refusal: ConnectRefusal) => void

const GATES: [name: string, set: Gate][] = [
  [
    'preConnect, returned',
    ({ broker }, refusal) => {
      broker.preConnect = () => refusal
    },
  ],
  [
    'preConnect, called back',
    ({ broker }, refusal) => {
      broker.preConnect = (_client, _packet, callback) => callback(errorOf(refusal))
    },
  ],
  [
    'authenticate, promised',
    ({ broker }, refusal) => {
      broker.authenticate = async () => refusal
    },
  ],
  [
    'authenticate, called back',
    ({ broker }, refusal) => {
      broker.authenticate = (_client, _username, _password, callback) => callback(errorOf(refusal), false)
    },
  ],
]

function errorOf(refusal: ConnectRefusal): RefusalError {
  return Object.assign(new Error('refused'), refusal)
}

async function refused({ dial }: Spec, maximumPacketSize?: number): Promise<ConnackPacket> {
  const client = dial()
  const connack = await client.connect(maximumPacketSize === undefined ? {} : { properties: { maximumPacketSize } })
  assert.deepEqual(await client.closed(), [])
  return connack
}

for (const [name, set] of GATES) {
  for (const reasonCode of [0x9c, 0x9d]) {
    spec(
      `${name}: 0x${reasonCode.toString(16)} with a server reference, return code 3 before 5.0`,
      ALL,
      async frame => {
        set(frame, { ...MOVED, reasonCode })
        const connack = await refused(frame)
        if (frame.version === 5) {
          const { reasonCode: _, ...properties } = MOVED
          assert.equal(connack.reasonCode, reasonCode)
          assert.deepEqual(plain(connack.properties), properties)
        } else {
          assert.deepEqual(connack, { cmd: 'connack', sessionPresent: false, returnCode: 3 })
        }
      },
    )
  }

  spec(
    `[5.0 MQTT-3.2.2-19] [5.0 MQTT-3.2.2-20] ${name}: a client that accepts only small packets gets just the server reference`,
    [5],
    async frame => {
      set(frame, MOVED)
      const { reasonCode, properties } = await refused(frame, 60)
      assert.equal(reasonCode, 0x9d)
      assert.deepEqual(properties, { serverReference: MOVED.serverReference })
    },
  )
}

async function dismissed({ broker, connect }: Spec, properties = {}): Promise<SpecClient> {
  const client = await connect('client', { properties })
  await broker.clients.client?.disconnect(MOVED)
  return client
}

spec('client.disconnect() sends the reason and the server reference', ALL, async frame => {
  const packets = await (await dismissed(frame)).closed()
  if (frame.version !== 5) {
    assert.deepEqual(packets, [])
    return
  }
  const { reasonCode, ...properties } = MOVED
  assert.deepEqual(packets.length, 1)
  const packet = packets[0] as DisconnectPacket
  assert.deepEqual([packet.cmd, packet.reasonCode, plain(packet.properties)], ['disconnect', reasonCode, properties])
})

spec(
  '[5.0 MQTT-3.14.2-3] [5.0 MQTT-3.14.2-4] [5.0 MQTT-3.14.2-2] client.disconnect() sends just the server reference to a client that accepts only small packets',
  [5],
  async frame => {
    const client = await dismissed(frame, { maximumPacketSize: 60, sessionExpiryInterval: 10 })
    const { reasonCode, serverReference } = MOVED
    assert.deepEqual(await client.closed(), [{ cmd: 'disconnect', reasonCode, properties: { serverReference } }])
  },
)

/**
 * Makes the broker explain itself in four packets.
 * @returns whether each has a reason string
 */
async function explanations({ broker, connect }: Spec, requestProblemInformation: boolean): Promise<object> {
  broker.authorizePublish = () => 0x97
  broker.authorizeSubscribe = () => 0x97
  const client = await connect('client', { properties: { requestProblemInformation } })
  client.send(
    { cmd: 'publish', topic: 'a', payload: '', qos: 1, messageId: 1, dup: false, retain: false },
    { cmd: 'publish', topic: 'a', payload: '', qos: 2, messageId: 2, dup: false, retain: false },
    { cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'a', qos: 0 }] },
  )
  const packets = await client.settle()
  await broker.clients.client?.disconnect(MOVED)
  packets.push(...(await client.closed()))
  return Object.fromEntries(
    packets.map(packet => [packet.cmd, 'properties' in packet && JSON.stringify(packet.properties).includes('reason')]),
  )
}

spec(
  '[5.0 MQTT-3.1.2-29] with Request Problem Information 0 only CONNACK, DISCONNECT and PUBLISH have Reason Strings and User Properties',
  [5],
  async frame => {
    assert.deepEqual(await explanations(frame, true), { puback: true, pubrec: true, suback: true, disconnect: true })
    assert.deepEqual(await explanations(frame, false), {
      puback: false,
      pubrec: false,
      suback: false,
      disconnect: true,
    })
    frame.broker.preConnect = () => MOVED
    const client = frame.dial()
    const connack = await client.connect({ properties: { requestProblemInformation: false } })
    assert.deepEqual(plain(connack.properties), {
      serverReference: MOVED.serverReference,
      ...EXPLANATION,
    })
  },
)

spec(
  '[5.0 MQTT-3.1.2-29] the User Properties of a message are passed on whatever Request Problem Information says',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client', { properties: { requestProblemInformation: false } })
    await client.subscribe({ topic: 'a', qos: 0 })
    await broker.publish({ topic: 'a', properties: { userProperties: { name: 'value' } } })
    assert.deepEqual(plain((await client.expect('publish')).properties), { userProperties: { name: 'value' } })
  },
)
