/** How the broker ends a connection: DISCONNECT with the code of the standard, before 5.0 only closing (3.14, 4.13). */
import assert from 'node:assert/strict'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { textPacket } from '../../support/clients/exchange.js'
import { connectPacket, type SpecClient } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

interface Case {
  what: string
  reasonCode: number
  versions?: readonly ProtocolVersion[]
  options?: BrokerOptions
  /** Makes the broker end the connection of `client`, whose identifier is `client`. */
  provoke(client: SpecClient, frame: Spec): unknown
}

function sending(...packets: Packet[]): Case['provoke'] {
  return client => client.send(...packets)
}

function sendingBytes(hex: string): Case['provoke'] {
  return client => client.sendBytes(hex)
}

const qos2 = (messageId: number) => textPacket('a', '', { qos: 2, messageId })
const alias = (topicAlias: number, topic = 'a') => textPacket(topic, '', { properties: { topicAlias } })
const subscribe = (topic: string, properties = {}): Packet => {
  return { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }], properties }
}

const MALFORMED: Case[] = [
  ['a packet of type 0', '00 00'],
  ['PUBLISH with QoS 3', '36 05 0001 61 0001'],
  ['a remaining length of five bytes', '30 ff ff ff ff 01'],
  ['PINGREQ with reserved flags', 'c1 00'],
  ['PINGREQ with a body', 'c0 01 00'],
  ['DISCONNECT with reserved flags', 'e1 00'],
  ['PUBREL with flags 0', '60 02 0001'],
  ['a topic that is not UTF-8', '30 04 0002 c080'],
  ['a topic longer than the packet', '30 03 0005 61'],
].map(([what, hex]) => ({ what: what!, reasonCode: 0x81, provoke: sendingBytes(hex!) }))

const CASES: Case[] = [
  ...MALFORMED,
  {
    what: 'a property that the packet must not have',
    reasonCode: 0x81,
    versions: [5],
    provoke: sendingBytes('30 06 0001 61 02 2401'),
  },
  { what: 'a second CONNECT', reasonCode: 0x82, provoke: client => client.send(connectPacket(client.version)) },
  { what: 'packet id 0', reasonCode: 0x82, provoke: sendingBytes('82 06 0000 0001 61 00') },
  { what: 'an empty topic without alias', reasonCode: 0x82, provoke: sending(textPacket('', '')) },
  { what: 'a property twice', reasonCode: 0x82, versions: [5], provoke: sendingBytes('30 08 0001 61 04 0100 0101') },
  {
    what: 'a session expiry in DISCONNECT if CONNECT had none',
    reasonCode: 0x82,
    versions: [5],
    provoke: sending({ cmd: 'disconnect', properties: { sessionExpiryInterval: 1 } }),
  },
  {
    what: 'AUTH without a method in CONNECT',
    reasonCode: 0x82,
    versions: [5],
    provoke: sendingBytes('f0 06 19 04 15 0001 6d'),
  },
  { what: 'the broker closing', reasonCode: 0x8b, provoke: (_, { broker }) => void broker.close() },
  {
    what: 'silence',
    reasonCode: 0x8d,
    provoke: (_, { clock }) => clock.advance(15_100),
  },
  { what: 'a takeover', reasonCode: 0x8e, provoke: (_, { connect }) => connect('client') },
  { what: 'a wildcard in a topic name', reasonCode: 0x90, provoke: sending(textPacket('a/+', '')) },
  {
    what: 'more QoS 2 messages than allowed',
    reasonCode: 0x93,
    options: { receiveMaximum: 2, maxInflightInbound: 2 },
    provoke: async client => {
      for (let messageId = 1; messageId <= 2; messageId++) {
        client.send(qos2(messageId))
        await client.expect('pubrec')
      }
      client.send(qos2(3))
    },
  },
  { what: 'topic alias 0', reasonCode: 0x94, versions: [5], provoke: sendingBytes('30 07 0001 61 03 23 0000') },
  { what: 'a topic alias above the maximum', reasonCode: 0x94, versions: [5], provoke: sending(alias(17)) },
  {
    what: 'any topic alias if the maximum is 0',
    reasonCode: 0x94,
    versions: [5],
    options: { topicAliasMaximum: 0 },
    provoke: sending(alias(1)),
  },
  { what: 'an unknown topic alias', reasonCode: 0x82, versions: [5], provoke: sending(alias(3, '')) },
  {
    what: 'a packet that is too large, before its end has arrived',
    reasonCode: 0x95,
    options: { maxPacketSize: 100 },
    provoke: sendingBytes('30 63'),
  },
  { what: 'client.close()', reasonCode: 0x98, provoke: (_, { broker }) => void broker.clients.client!.close() },
  {
    what: 'client.disconnect() for a quota',
    reasonCode: 0x97,
    provoke: (_, { broker }) => void broker.clients.client!.disconnect({ reasonCode: 0x97 }),
  },
  {
    what: 'client.disconnect() with a reason that only CONNACK has',
    reasonCode: 0x80,
    provoke: (_, { broker }) => void broker.clients.client!.disconnect({ reasonCode: 0x86 }),
  },
  {
    what: 'a retained message if they are not available',
    reasonCode: 0x9a,
    options: { retainAvailable: false },
    provoke: sending(textPacket('a', '', { retain: true })),
  },
  { what: 'a QoS above the maximum', reasonCode: 0x9b, options: { maximumQoS: 1 }, provoke: sending(qos2(1)) },
  {
    what: 'a shared subscription if they are not available',
    reasonCode: 0x9e,
    versions: [5],
    options: { sharedSubscriptionAvailable: false },
    provoke: sending(subscribe('$share/group/a')),
  },
  {
    what: 'a subscription identifier if they are not available',
    reasonCode: 0xa1,
    versions: [5],
    options: { subscriptionIdentifiersAvailable: false },
    provoke: sending(subscribe('a', { subscriptionIdentifier: 1 })),
  },
]

function titleOf({ what, reasonCode, versions = ALL }: Case): string {
  const code = `0x${reasonCode.toString(16)}`
  return versions === ALL
    ? `[3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1] [5.0 MQTT-4.13.2-1] ${what}: DISCONNECT ${code}, or just a close before 5.0`
    : `[5.0 MQTT-4.13.1-1] [5.0 MQTT-3.14.2-1] [5.0 MQTT-3.14.2-2] [5.0 MQTT-3.14.4-2] ${what}: DISCONNECT ${code} and a close`
}

for (const row of CASES) {
  const { reasonCode, versions = ALL, options = {}, provoke } = row
  spec(
    titleOf(row),
    versions,
    async frame => {
      const witness = await frame.connect('witness')
      const client = await frame.connect('client', { keepalive: 10 })
      const provoked = provoke(client, frame)
      const packets = await client.closed()
      await provoked
      if (frame.version === 5) {
        assert.equal(packets.length, 1, JSON.stringify(packets))
        const packet = packets[0]!
        assert.equal(packet.cmd, 'disconnect')
        assert.equal(packet.cmd === 'disconnect' && packet.reasonCode, reasonCode)
        assert.equal(packet.cmd === 'disconnect' && packet.properties?.sessionExpiryInterval, undefined)
      } else {
        assert.deepEqual(packets, [])
      }
      // other connections are not affected
      if (reasonCode !== 0x8b) await witness.expectNothing()
    },
    options,
  )
}

spec('[5.0 MQTT-3.14.0-1] the broker never sends DISCONNECT before CONNACK', ALL, async ({ broker, dial, clock }) => {
  broker.authenticate = () => new Promise(() => {})
  const waiting = dial()
  waiting.send(connectPacket(waiting.version, { clientId: 'waiting' }))
  const silent = dial()
  const wrong = dial()
  wrong.send({ cmd: 'pingreq' })
  assert.deepEqual(await wrong.closed(), [])
  await clock.advance(1)
  const closing = broker.close()
  await clock.advance(20_000)
  await closing
  const packets = [...(await waiting.closed()), ...(await silent.closed())]
  assert.deepEqual(
    packets.filter(({ cmd }) => cmd !== 'connack'),
    [],
  )
})

spec(
  'a DISCONNECT from the client is answered by closing the connection, without a packet',
  ALL,
  async ({ connect }) => {
    const client = await connect('client')
    client.send({ cmd: 'disconnect' })
    assert.deepEqual(await client.closed(), [])
  },
)

spec(
  '[3.1.1 MQTT-3.14.4-2] [5.0 MQTT-3.14.4-1] what a client sends after DISCONNECT is ignored',
  ALL,
  async ({ broker, connect }) => {
    const published: string[] = []
    broker.on('publish', ({ topic }) => published.push(topic))
    const client = await connect('client')
    client.send(textPacket('before', ''), { cmd: 'disconnect' }, textPacket('after', ''), { cmd: 'pingreq' })
    assert.deepEqual(await client.closed(), [])
    assert.deepEqual(published, ['before'])
  },
)
