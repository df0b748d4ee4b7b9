/** SUBSCRIBE and SUBACK: requested filters, granted QoS, and delivered messages (3.8, 3.9). */
import assert from 'node:assert/strict'
import type { ProtocolVersion, QoS } from '../../../types/message/packets.js'
import { publishText, receiveAll, receiveTexts, textPacket } from '../../support/clients/exchange.js'
import { spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** The bytes of a SUBSCRIBE with packet id 1; what follows the packet id and the properties is hexadecimal. */
function subscribeBytes(version: ProtocolVersion, payload: string, firstByte = '82'): string {
  const content = `0001${version === 5 ? '00' : ''}${payload.replace(/\s/g, '')}`
  return `${firstByte}${(content.length / 2).toString(16).padStart(2, '0')}${content}`
}

/** A filter `a` in hexadecimal, without its options. */
const FILTER_A = '0001 61'

for (const firstByte of ['80', '81', '83', '8a']) {
  spec(
    `[3.1.1 MQTT-3.8.1-1] [3.1.1 MQTT-2.2.2-2] [5.0 MQTT-3.8.1-1] SUBSCRIBE that begins with 0x${firstByte} is malformed`,
    // 3.1 has a DUP flag here
    firstByte === '8a' ? [4, 5] : ALL,
    async ({ version, connect }) => {
      const client = await connect('wrong-flags')
      client.sendBytes(subscribeBytes(version, `${FILTER_A} 00`, firstByte))
      await client.expectDisconnect(0x81)
    },
  )
}

for (const [what, bytes] of [
  ['an overlong encoding', '0002 c080'],
  ['a surrogate', '0003 eda080'],
  ['a lone continuation byte', '0001 80'],
] as const) {
  spec(
    `[3.1.1 MQTT-3.8.3-1] [5.0 MQTT-3.8.3-1] a topic filter with ${what} is malformed`,
    ALL,
    async ({ version, connect }) => {
      const client = await connect('not-utf8')
      client.sendBytes(subscribeBytes(version, `${bytes} 00`))
      await client.expectDisconnect(0x81)
    },
  )
}

spec(
  '[3.1.1 MQTT-3.8.3-3] [5.0 MQTT-3.8.3-2] SUBSCRIBE without a topic filter is a protocol error',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('empty')
    client.sendBytes(subscribeBytes(version, ''))
    await client.expectDisconnect(0x82)
  },
)

for (const options of ['03', '04', '08', '10', '40', '80']) {
  spec(
    `[3.1.1 MQTT-3.8.3-4] a requested QoS byte of 0x${options} closes the connection`,
    [3, 4],
    async ({ version, connect }) => {
      const client = await connect('wrong-options')
      client.sendBytes(subscribeBytes(version, `${FILTER_A} ${options}`))
      await client.expectDisconnect(0x81)
    },
  )
}

for (const options of ['40', '80', 'c1']) {
  spec(
    `[5.0 MQTT-3.8.3-5] reserved bits in the subscription options 0x${options} are malformed`,
    [5],
    async ({ version, connect }) => {
      const client = await connect('wrong-options')
      client.sendBytes(subscribeBytes(version, `${FILTER_A} ${options}`))
      await client.expectDisconnect(0x81)
    },
  )
}

for (const [what, options] of [
  ['QoS 3', '03'],
  ['Retain Handling 3', '30'],
] as const) {
  spec(`${what} in the subscription options is a protocol error`, [5], async ({ version, connect }) => {
    const client = await connect('wrong-options')
    client.sendBytes(subscribeBytes(version, `${FILTER_A} ${options}`))
    await client.expectDisconnect(0x82)
  })
}

spec(
  '[3.1.1 MQTT-3.8.4-1] [3.1.1 MQTT-3.8.4-2] [3.1.1 MQTT-2.3.1-7] [5.0 MQTT-3.8.4-1] [5.0 MQTT-3.8.4-2] ' +
    'each SUBSCRIBE is answered by a SUBACK of its packet id',
  ALL,
  async ({ connect }) => {
    const client = await connect('subscriber')
    for (const messageId of [1, 77, 65_535]) {
      client.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: 'a', qos: 0 }] })
    }
    for (const messageId of [1, 77, 65_535]) assert.equal((await client.expect('suback')).messageId, messageId)
    await client.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.8.4-4] [3.1.1 MQTT-3.8.4-5] [3.1.1 MQTT-3.9.3-1] [3.1.1 MQTT-3.9.3-2] ' +
    '[5.0 MQTT-3.8.4-5] [5.0 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-7] [5.0 MQTT-3.9.3-1] [5.0 MQTT-3.9.3-2] ' +
    'one SUBACK has a code for each filter, in order: the granted QoS or a failure',
  ALL,
  async ({ version, broker, connect }) => {
    // the later a filter was requested, the earlier its hook answers
    broker.authorizeSubscribe = async (_, subscription) => {
      const turns = 5 - Number(subscription.topic.split('/')[1])
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      return subscription.topic.startsWith('secret/') ? false : subscription
    }
    const client = await connect('subscriber')
    const granted = await client.subscribe(
      { topic: 'x/0', qos: 2 },
      { topic: 'secret/1', qos: 1 },
      { topic: 'x/2', qos: 0 },
      { topic: 'x/3', qos: 1 },
      { topic: 'secret/4', qos: 2 },
    )
    const refused = version === 5 ? 0x87 : 0x80
    assert.deepEqual(granted, [2, refused, 0, 1, refused])
    await client.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.8.4-4] [5.0 MQTT-3.8.4-5] of a filter that is twice in one SUBSCRIBE the last mention applies',
  ALL,
  async ({ connect }) => {
    const client = await connect('subscriber')
    assert.deepEqual(await client.subscribe({ topic: 'a', qos: 2 }, { topic: 'a', qos: 1 }), [2, 1])
    await publishText(await connect('publisher'), 'a', 'once', { qos: 2 })
    const received = await receiveAll(client)
    assert.deepEqual(
      received.map(({ qos }) => qos),
      [1],
    )
  },
)

spec(
  '[3.1.1 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-8] messages are delivered with the lower of the published and the granted QoS',
  ALL,
  async ({ connect }) => {
    const publisher = await connect('publisher')
    for (const granted of [0, 1, 2] as const) {
      const client = await connect(`subscriber-${granted}`)
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: granted }), [granted])
      for (const published of [0, 1, 2] as const) {
        await publishText(publisher, 'a', '', { qos: published })
        const received = await receiveAll(client)
        assert.deepEqual(
          received.map(({ qos }) => qos),
          [Math.min(granted, published)],
        )
      }
    }
  },
)

spec(
  '[3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4] subscribing again replaces the subscription, ' +
    'and retained messages are sent again',
  ALL,
  async ({ connect }) => {
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', 'kept', { qos: 2, retain: true })
    const client = await connect('subscriber')
    for (const qos of [2, 0, 1] as const satisfies QoS[]) {
      await client.subscribe({ topic: 'a', qos })
      const retained = await receiveAll(client)
      assert.deepEqual(
        retained.map(packet => [packet.qos, packet.retain]),
        [[qos, true]],
      )
      await publishText(publisher, 'a', 'live', { qos: 2 })
      const live = await receiveAll(client)
      assert.deepEqual(
        live.map(packet => [packet.qos, packet.retain]),
        [[qos, false]],
      )
    }
  },
)

for (const hook of ['at once', 'later'] as const) {
  spec(
    `[3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4] replacing a subscription loses no message if the hook answers ${hook}`,
    ALL,
    async ({ broker, connect }) => {
      if (hook === 'later') broker.authorizeSubscribe = async (_, subscription) => subscription
      const client = await connect('subscriber')
      await client.subscribe({ topic: 'a/+', qos: 0 })
      const publisher = await connect('publisher')
      const sent: string[] = []
      for (let i = 0; i < 30; i++) {
        sent.push(String(i))
        publisher.send(textPacket('a/b', String(i)))
        client.send({ cmd: 'subscribe', messageId: i + 1, subscriptions: [{ topic: 'a/+', qos: 0 }] })
        if (i % 3 === 0) await new Promise(resolve => setImmediate(resolve))
      }
      await publisher.expectNothing()
      const packets = await client.settle()
      const texts = packets.flatMap(packet => (packet.cmd === 'publish' ? [packet.payload.toString()] : []))
      assert.deepEqual(texts, sent)
      assert.equal(packets.filter(({ cmd }) => cmd === 'suback').length, 30)
    },
  )
}

spec('SUBACK comes before the retained messages', ALL, async ({ connect }) => {
  await publishText(await connect('publisher'), 'a', 'kept', { retain: true })
  const client = await connect('subscriber')
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  await client.expect('suback')
  assert.equal((await client.expect('publish')).payload.toString(), 'kept')
})

spec(
  '[5.0 MQTT-3.9.2-1] [5.0 MQTT-3.9.2-2] SUBACK has a Reason String for a refusal, unless that would be too large for the client',
  [5],
  async ({ broker, connect }) => {
    broker.authorizeSubscribe = () => 0x97
    for (const [maximumPacketSize, explained] of [
      [undefined, true],
      [30, false],
    ] as const) {
      const client = await connect(
        'subscriber',
        maximumPacketSize === undefined ? {} : { properties: { maximumPacketSize } },
      )
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
      const { granted, properties } = await client.expect('suback')
      assert.deepEqual(granted, [0x97])
      assert.equal(properties?.reasonString !== undefined, explained)
      assert.equal(properties?.userProperties, undefined)
    }
  },
)

spec(
  'a filter with more levels than the broker allows is refused with 0x8F, and the other filters are granted',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber')
    const granted = await client.subscribe({ topic: 'a/b/c', qos: 1 }, { topic: 'a/b/c/#', qos: 1 })
    assert.deepEqual(granted, [1, version === 5 ? 0x8f : 0x80])
    await publishText(await connect('publisher'), 'a/b/c', 'here')
    assert.deepEqual(await receiveTexts(client), ['here'])
  },
  { maxTopicLevels: 3 },
)
