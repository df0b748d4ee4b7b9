/** The limits of a client in CONNECT, and that the broker respects them. */
import assert from 'node:assert/strict'
import type { ProtocolVersion, Will } from '../../../types/message/packets.js'
import { recordBytes } from '../../support/bytes.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

/** First byte, length, topic `a`, packet identifier, property length: the size of a PUBLISH without its payload. */
const PUBLISH_BYTES = { 0: 6, 1: 8, 2: 8 } as const

for (const qos of [0, 1, 2] as const) {
  spec(
    `[5.0 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-25] a QoS ${qos} message that is too large for the client counts as delivered, and later ones are delivered`,
    [5],
    async ({ broker, connect }) => {
      const drops: unknown[] = []
      broker.on('drop', ({ clientId, reason }) => drops.push([clientId, reason]))
      // at most one message in flight: a dropped one must not occupy the place
      const properties = { ...keptSession(5).properties, maximumPacketSize: 50, receiveMaximum: 1 }
      const client = await connect('small', { clean: false, properties })
      const other = await connect('other')
      for (const each of [client, other]) await each.subscribe({ topic: 'a', qos })
      const bytes = recordBytes(client)
      const fitting = 50 - PUBLISH_BYTES[qos]
      for (const size of [fitting + 1, 1000, fitting]) {
        await broker.publish({ topic: 'a', qos, payload: Buffer.alloc(size) })
        assert.equal((await other.expect('publish')).payload.length, size)
      }
      assert.equal((await client.expect('publish')).payload.length, fitting)
      await client.expectNothing()
      assert.ok(bytes.take().startsWith(`3${qos * 2}30`), 'a packet may use all 50 bytes')
      assert.deepEqual(drops, [
        ['small', 'packet-too-large'],
        ['small', 'packet-too-large'],
      ])
      // nor is it sent later, on a connection that would accept it
      await client.drop()
      const back = await connect('small', keptSession(5))
      const again = (await back.settle()).filter(({ cmd }) => cmd === 'publish')
      assert.ok(again.every(packet => packet.cmd === 'publish' && packet.payload.length === fitting))
      assert.equal(again.length, qos === 0 ? 0 : 1)
    },
  )
}

spec(
  '[5.0 MQTT-3.1.2-24] an answer that would be too large is sent without Reason String and User Properties',
  [5],
  async ({ broker, connect }) => {
    broker.authorizeSubscribe = () => false
    const client = await connect('small', { properties: { maximumPacketSize: 20 } })
    const bytes = recordBytes(client)
    assert.deepEqual(await client.subscribe({ topic: 'secret', qos: 0 }), [0x87])
    assert.ok(bytes.take().length / 2 <= 20)
  },
)

spec(
  '[5.0 MQTT-3.1.2-26] the broker defines no more topic aliases than the client allows',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client', { properties: { topicAliasMaximum: 3 } })
    await client.subscribe({ topic: 'topic/#', qos: 0 })
    const topics = new Map<number, string>()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 10; i++) {
        await broker.publish({ topic: `topic/number/${i}`, payload: String(i) })
        const { topic, properties, payload } = await client.expect('publish')
        const alias = properties?.topicAlias
        if (alias === undefined) {
          assert.equal(topic, `topic/number/${payload}`)
          continue
        }
        assert.ok(alias >= 1 && alias <= 3, `alias ${alias}`)
        if (topic !== '') topics.set(alias, topic)
        assert.equal(topics.get(alias), `topic/number/${payload}`)
      }
    }
    assert.equal(topics.size, 3)
  },
)

for (const [title, properties] of [
  ['0', { topicAliasMaximum: 0 }],
  ['absent', {}],
] as const) {
  spec(
    `[5.0 MQTT-3.1.2-27] a client whose Topic Alias Maximum is ${title} gets no topic aliases`,
    [5],
    async ({ broker, connect }) => {
      const client = await connect('client', { properties })
      await client.subscribe({ topic: 'a/long/topic', qos: 0 })
      for (let i = 0; i < 3; i++) {
        await broker.publish({ topic: 'a/long/topic' })
        const packet = await client.expect('publish')
        assert.deepEqual([packet.topic, packet.properties?.topicAlias], ['a/long/topic', undefined])
      }
    },
  )
}

for (const [requested, explained] of [
  [false, false],
  [true, true],
  [undefined, true],
] as const) {
  spec(
    `[5.0 MQTT-3.1.2-29] Request Problem Information ${requested ?? 'absent'}: acknowledgements have ${explained ? 'a' : 'no'} Reason String`,
    [5],
    async ({ broker, connect }) => {
      broker.authorizePublish = (_, { topic }) => topic !== 'secret'
      broker.authorizeSubscribe = () => 0x87
      const properties = requested === undefined ? {} : { requestProblemInformation: requested }
      const client = await connect('client', { properties })
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
      const answers: { properties?: { reasonString?: string; userProperties?: unknown } }[] = []
      answers.push(await client.expect('suback'))
      for (const qos of [1, 2] as const) {
        const payload = Buffer.alloc(0)
        client.send({ cmd: 'publish', topic: 'secret', payload, qos, messageId: qos, dup: false, retain: false })
        answers.push(await client.expect(qos === 1 ? 'puback' : 'pubrec'))
      }
      assert.equal(
        answers.some(({ properties: explanation }) => explanation?.reasonString !== undefined),
        explained,
      )
      assert.ok(answers.every(({ properties: explanation }) => explained || explanation === undefined))
    },
  )
}

spec(
  '[5.0 MQTT-3.1.2-29] PUBLISH and DISCONNECT may have a Reason String and User Properties even so',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client', { properties: { requestProblemInformation: false } })
    await client.subscribe({ topic: 'a', qos: 0 })
    await broker.publish({ topic: 'a', properties: { userProperties: { k: 'v' } } })
    assert.equal((await client.expect('publish')).properties?.userProperties?.k, 'v')
    broker.clients.client?.disconnect({ reasonString: 'why', userProperties: { k: 'v' } })
    const last = (await client.closed()).at(-1)
    assert.ok(last?.cmd === 'disconnect')
    assert.deepEqual([last.properties?.reasonString, last.properties?.userProperties?.k], ['why', 'v'])
  },
)

const LIMITLESS: readonly ProtocolVersion[] = [3, 4, 5]

spec('without limits a client gets a message of a mebibyte, and a will of any size', LIMITLESS, largeMessages, {
  maxConnectSize: 2 ** 20,
})

async function largeMessages(tools: Spec): Promise<void> {
  const client = await tools.connect('client')
  await client.subscribe({ topic: '#', qos: 0 })
  await tools.broker.publish({ topic: 'a', payload: Buffer.alloc(2 ** 20) })
  assert.equal((await client.expect('publish')).payload.length, 2 ** 20)
  const will: Will = { topic: 'will', payload: Buffer.alloc(65_535), qos: 0, retain: false }
  await (await tools.connect('leaving', { will })).drop()
  assert.equal((await client.expect('publish')).payload.length, 65_535)
}
