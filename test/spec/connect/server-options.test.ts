/**
 * Features that the broker does not offer, or limits: announced in CONNACK, and enforced with the code of the standard.
 */
import assert from 'node:assert/strict'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { ConnackProperties, QoS, Will } from '../../../types/message/packets.js'
import { publishText, receiveAll, receiveTexts, subscribeWith, textPacket } from '../../support/clients/exchange.js'
import { type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** The maximum of the protocol. */
const LARGEST_PACKET = 268_435_460

/** CONNACK has the reason code; in 3.1 and 3.1.1 no CONNACK is sent if the version has no code for it. */
async function expectRefusedWill({ version, dial }: Spec, will: Partial<Will>, reasonCode: number): Promise<void> {
  const client = dial()
  const packet = { topic: 'w', payload: Buffer.alloc(1), qos: 0, retain: false, ...will } as Will
  if (version === 5) {
    const connack = await client.connect({ will: packet })
    assert.deepEqual([connack.reasonCode, connack.sessionPresent], [reasonCode, false])
  } else {
    await assert.rejects(client.connect({ will: packet }), /the connection was closed/)
  }
  assert.deepEqual(await client.closed(), [])
}

for (const [options, announced] of [
  [{ maximumQoS: 1 }, { maximumQoS: 1 }],
  [{ maximumQoS: 0 }, { maximumQoS: 0 }],
  [{ retainAvailable: false }, { retainAvailable: false }],
  [{ wildcardSubscriptionAvailable: false }, { wildcardSubscriptionAvailable: false }],
  [{ subscriptionIdentifiersAvailable: false }, { subscriptionIdentifiersAvailable: false }],
  [{ sharedSubscriptionAvailable: false }, { sharedSubscriptionAvailable: false }],
  [{ maxPacketSize: 1000 }, { maximumPacketSize: 1000 }],
  [{ receiveMaximum: 7 }, { receiveMaximum: 7 }],
  [{ topicAliasMaximum: 7 }, { topicAliasMaximum: 7 }],
] as [BrokerOptions, ConnackProperties][]) {
  spec(
    `${options.maximumQoS === undefined ? '' : '[5.0 MQTT-3.2.2-9] '}${JSON.stringify(options)} is in CONNACK`,
    [5],
    async ({ resume }) => {
      const { connack } = await resume('client')
      assert.deepEqual(connack.properties, announced)
    },
    { topicAliasMaximum: 0, receiveMaximum: 65_535, maxPacketSize: LARGEST_PACKET, ...options },
  )
}

spec(
  'CONNACK leaves out values that are the defaults of the standard',
  [5],
  async ({ resume }) => {
    const { connack } = await resume('client')
    assert.deepEqual(connack.properties, { topicAliasMaximum: 16 })
  },
  { maxPacketSize: LARGEST_PACKET },
)

spec(
  'CONNACK with default options has the limits that differ from the standard’s defaults',
  [5],
  async ({ resume }) => {
    const { connack } = await resume('client')
    assert.deepEqual(connack.properties, { topicAliasMaximum: 16, maximumPacketSize: 2 * 2 ** 20 })
  },
)

for (const maximumQoS of [0, 1] as const) {
  const options = { maximumQoS }
  const above = (maximumQoS + 1) as QoS

  spec(
    `[5.0 MQTT-3.2.2-11] PUBLISH with QoS ${above} ends the connection if the maximum is ${maximumQoS}`,
    ALL,
    async ({ connect }) => {
      const client = await connect('publisher')
      await publishText(client, 'a', '', { qos: maximumQoS })
      client.send(textPacket('a', '', { qos: above, messageId: 1 }))
      await client.expectDisconnect(0x9b)
    },
    options,
  )

  spec(
    `[3.1.1 MQTT-3.8.4-6] [5.0 MQTT-3.2.2-10] any QoS may be requested, and at most ${maximumQoS} is granted`,
    ALL,
    async ({ connect, broker }) => {
      const client = await connect('subscriber')
      const topics = ['0', '1', '2'].map((topic, qos) => ({ topic, qos: qos as QoS }))
      const granted = [0, 1, 2].map(qos => Math.min(qos, maximumQoS))
      assert.deepEqual(await client.subscribe(...topics), granted)
      for (const { topic } of topics) await broker.publish({ topic, qos: 2 })
      const received = await receiveAll(client)
      assert.deepEqual(
        received.map(({ qos }) => qos),
        granted,
      )
    },
    options,
  )

  spec(
    `[5.0 MQTT-3.2.2-12] a will with QoS ${above} is refused with 0x9B`,
    ALL,
    frame => expectRefusedWill(frame, { qos: above }, 0x9b),
    options,
  )

  spec(
    `a will with QoS ${maximumQoS} is accepted if the maximum is ${maximumQoS}`,
    ALL,
    async ({ connect }) => {
      await connect('mortal', { will: { topic: 'w', payload: Buffer.alloc(1), qos: maximumQoS, retain: false } })
    },
    options,
  )
}

spec(
  '[5.0 MQTT-3.2.2-14] PUBLISH with RETAIN ends the connection if retained messages are not available',
  ALL,
  async ({ connect }) => {
    const client = await connect('publisher')
    client.send(textPacket('a', '', { retain: true }))
    await client.expectDisconnect(0x9a)
  },
  { retainAvailable: false },
)

spec(
  '[5.0 MQTT-3.2.2-13] a retained will is refused with 0x9A if retained messages are not available',
  ALL,
  frame => expectRefusedWill(frame, { retain: true }, 0x9a),
  { retainAvailable: false },
)

spec(
  'subscription options about retained messages have no effect if these are not available',
  [5],
  async ({ broker, connect }) => {
    await broker.publish({ topic: 'a', payload: 'kept', retain: true })
    const client = await connect('subscriber')
    for (const rh of [0, 1, 2] as const) assert.deepEqual(await client.subscribe({ topic: 'a', qos: 0, rh }), [0])
    await client.expectNothing()
  },
  { retainAvailable: false },
)

spec(
  '[3.1.1 MQTT-3.8.3-2] filters with wildcards are refused with 0xA2 if wildcards are not available, and other filters are granted',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber')
    const refused = version === 5 ? 0xa2 : 0x80
    const topics = ['a/+', 'a/b', '#', '$share/group/+', '$share/group/c'].map(topic => ({ topic, qos: 0 as QoS }))
    assert.deepEqual(await client.subscribe(...topics), [refused, 0, refused, refused, 0])
    const publisher = await connect('publisher')
    for (const topic of ['a/b', 'a/c', 'c']) await publishText(publisher, topic, topic)
    assert.deepEqual(await receiveTexts(client), ['a/b', 'c'])
  },
  { wildcardSubscriptionAvailable: false },
)

spec(
  'a subscription identifier ends the connection with 0xA1 if they are not available',
  [5],
  async ({ connect }) => {
    const client = await connect('subscriber')
    await assert.rejects(subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a', qos: 0 }))
    const other = await connect('other')
    other.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'a', qos: 0 }],
      properties: { subscriptionIdentifier: 1 },
    })
    await other.expectDisconnect(0xa1)
  },
  { subscriptionIdentifiersAvailable: false },
)

spec(
  'a shared subscription ends the connection with 0x9E if they are not available, and is refused before 5.0',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber')
    const subscriptions = ['a', '$share/group/a'].map(topic => ({ topic, qos: 0 as QoS }))
    if (version === 5) {
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
      await client.expectDisconnect(0x9e)
    } else {
      assert.deepEqual(await client.subscribe(...subscriptions), [0, 0x80])
      await publishText(await connect('publisher'), 'a', 'once')
      assert.deepEqual(await receiveTexts(client), ['once'])
    }
  },
  { sharedSubscriptionAvailable: false },
)

for (const qos of [1, 2] as const) {
  spec(
    `[5.0 MQTT-3.3.4-7] more messages in flight than the Receive Maximum end the connection with 0x93, QoS ${qos}`,
    [5],
    async ({ broker, connect }) => {
      broker.authorizePublish = () => new Promise(() => {})
      const client = await connect('publisher')
      for (let messageId = 1; messageId <= 3; messageId++) client.send(textPacket('a', '', { qos, messageId }))
      await client.expectNothing()
      client.send(textPacket('a', '', { qos, messageId: 4 }))
      const disconnected = client.expectDisconnect(0x93)
      broker.authorizePublish = undefined
      await disconnected
    },
    { receiveMaximum: 3, hookTimeoutMs: 0 },
  )
}

spec(
  'clients above maxConnections are refused with 0x89 or return code 3',
  ALL,
  async ({ version, connect, dial }) => {
    const first = await connect('first')
    const client = dial()
    const connack = await client.connect({ clientId: 'second' })
    assert.equal(version === 5 ? connack.reasonCode : connack.returnCode, version === 5 ? 0x89 : 3)
    assert.deepEqual(await client.closed(), [])
    await first.disconnect()
    await connect('second')
  },
  { maxConnections: 1 },
)
