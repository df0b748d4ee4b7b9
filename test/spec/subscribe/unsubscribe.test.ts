/** UNSUBSCRIBE and UNSUBACK: which subscriptions end, and which messages are still delivered (3.10, 3.11). */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { publishText, receiveTexts, textOf, unsubscribe } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** The codes of UNSUBACK as the version has them: none before 5.0. */
function codes(version: ProtocolVersion, ...expected: number[]): number[] {
  return version === 5 ? expected : []
}

/** The bytes of an UNSUBSCRIBE with packet id 1; what follows the packet id and the properties is hexadecimal. */
function unsubscribeBytes(version: ProtocolVersion, payload: string, firstByte = 'a2'): string {
  const content = `0001${version === 5 ? '00' : ''}${payload.replace(/\s/g, '')}`
  return `${firstByte}${(content.length / 2).toString(16).padStart(2, '0')}${content}`
}

for (const firstByte of ['a0', 'a1', 'a3', 'aa']) {
  spec(
    `[3.1.1 MQTT-3.10.1-1] [3.1.1 MQTT-2.2.2-2] [5.0 MQTT-3.10.1-1] UNSUBSCRIBE that begins with 0x${firstByte} is malformed`,
    // 3.1 has a DUP flag here
    firstByte === 'aa' ? [4, 5] : ALL,
    async ({ version, connect }) => {
      const client = await connect('wrong-flags')
      client.sendBytes(unsubscribeBytes(version, '0001 61', firstByte))
      await client.expectDisconnect(0x81)
    },
  )
}

spec(
  '[3.1.1 MQTT-3.10.3-1] [5.0 MQTT-3.10.3-1] a filter that is not UTF-8 is malformed',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('not-utf8')
    client.sendBytes(unsubscribeBytes(version, '0001 61 0002 c080'))
    await client.expectDisconnect(0x81)
  },
)

spec(
  '[3.1.1 MQTT-3.10.3-1] bytes after the last filter that are not a filter close the connection',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('gap')
    client.sendBytes(unsubscribeBytes(version, '0001 61 00'))
    await client.expectDisconnect(0x81)
  },
)

spec(
  '[3.1.1 MQTT-3.10.3-2] [5.0 MQTT-3.10.3-2] UNSUBSCRIBE without a filter is a protocol error',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('empty')
    client.sendBytes(unsubscribeBytes(version, ''))
    await client.expectDisconnect(0x82)
  },
)

spec(
  '[3.1.1 MQTT-3.10.4-1] [5.0 MQTT-3.10.4-1] filters are compared character by character, wildcards included',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber')
    const publisher = await connect('publisher')
    await client.subscribe({ topic: 'a/+', qos: 0 })
    for (const other of ['a/b', 'a/#', '#', '+/+', 'A/+', 'a/+/', '/a/+']) {
      assert.deepEqual(await unsubscribe(client, other), codes(version, 0x11), other)
    }
    await publishText(publisher, 'a/b', 'still')
    assert.deepEqual(await receiveTexts(client), ['still'])
    assert.deepEqual(await unsubscribe(client, 'a/+'), codes(version, 0))
    await publishText(publisher, 'a/b', 'over')
    await client.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.10.4-1] [5.0 MQTT-3.10.4-1] UNSUBSCRIBE ends only that subscription, and no overlapping one or those of other clients',
  ALL,
  async ({ connect }) => {
    const client = await connect('leaving')
    const other = await connect('staying')
    for (const subscriber of [client, other]) {
      await subscriber.subscribe({ topic: 'a/#', qos: 0 }, { topic: 'a/b', qos: 0 })
    }
    await unsubscribe(client, 'a/#')
    const publisher = await connect('publisher')
    await publishText(publisher, 'a/b', 'exact')
    await publishText(publisher, 'a/c', 'wide')
    assert.deepEqual(await receiveTexts(client), ['exact'])
    assert.deepEqual(await receiveTexts(other), ['exact', 'wide'])
  },
)

spec(
  '[3.1.1 MQTT-3.10.4-2] [5.0 MQTT-3.10.4-2] nothing more is queued for a removed subscription, even if the session is stored',
  ALL,
  async ({ version, connect, resume }) => {
    const publisher = await connect('publisher')
    const client = await connect('subscriber', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 }, { topic: 'b', qos: 1 })
    await unsubscribe(client, 'a')
    await publishText(publisher, 'a', 'live', { qos: 1 })
    await client.expectNothing()
    await client.drop()
    await publishText(publisher, 'a', 'away', { qos: 1 })
    await publishText(publisher, 'b', 'kept', { qos: 1 })
    const { client: again, connack } = await resume('subscriber', keptSession(version))
    assert.equal(connack.sessionPresent, version !== 3)
    assert.deepEqual(await receiveTexts(again), ['kept'])
    await publishText(publisher, 'a', 'later', { qos: 1 })
    await again.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.10.4-3] [5.0 MQTT-3.10.4-3] a delivery that has started is completed, even on the next connection',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', 'one', { qos: 1 })
    await publishText(publisher, 'a', 'two', { qos: 2 })
    const one = await client.expect('publish')
    const two = await client.expect('publish')
    await unsubscribe(client, 'a')
    client.send({ cmd: 'pubrec', messageId: two.messageId! })
    assert.equal((await client.expect('pubrel')).messageId, two.messageId)
    await client.drop()

    const again = await connect('subscriber', keptSession(version))
    const resent = await again.expect('publish')
    assert.deepEqual([textOf(resent), resent.messageId, resent.dup], ['one', one.messageId, true])
    assert.equal((await again.expect('pubrel')).messageId, two.messageId)
    again.send({ cmd: 'puback', messageId: one.messageId! }, { cmd: 'pubcomp', messageId: two.messageId! })
    await again.expectNothing()
    await again.drop()
    await (await connect('subscriber', keptSession(version))).expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.10.4-4] [3.1.1 MQTT-3.10.4-5] [3.1.1 MQTT-2.3.1-7] [5.0 MQTT-3.10.4-4] [5.0 MQTT-3.10.4-5] ' +
    'each UNSUBSCRIBE is answered by an UNSUBACK of its packet id, even if nothing was removed',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber')
    await client.subscribe({ topic: 'a', qos: 0 })
    for (const [messageId, reasonCode] of [
      [9, 0],
      [65_535, 0x11],
      [9, 0x11],
    ] as const) {
      client.send({ cmd: 'unsubscribe', messageId, unsubscriptions: ['a'] })
      const unsuback = await client.expect('unsuback')
      assert.equal(unsuback.messageId, messageId)
      assert.deepEqual(unsuback.granted, codes(version, reasonCode))
    }
    await client.expectNothing()
  },
)

spec(
  '[3.1.1 MQTT-3.10.4-6] [5.0 MQTT-3.10.4-6] [5.0 MQTT-3.11.3-1] [5.0 MQTT-3.11.3-2] ' +
    'one UNSUBACK has a code for each filter, in order, and only the first mention of a filter removes it',
  ALL,
  async ({ version, connect }) => {
    const client = await connect('subscriber')
    await client.subscribe({ topic: 'a', qos: 0 }, { topic: 'b', qos: 0 }, { topic: 'c', qos: 0 })
    assert.deepEqual(await unsubscribe(client, 'x', 'a', 'a', 'c'), codes(version, 0x11, 0, 0x11, 0))
    await client.expectNothing()
    const publisher = await connect('publisher')
    for (const topic of ['a', 'b', 'c']) await publishText(publisher, topic, topic)
    assert.deepEqual(await receiveTexts(client), ['b'])
  },
)

spec(
  '[5.0 MQTT-3.11.2-1] [5.0 MQTT-3.11.2-2] UNSUBACK has no Reason String and User Properties, which could make it too large',
  [5],
  async ({ connect }) => {
    const client = await connect('subscriber', { properties: { maximumPacketSize: 30 } })
    client.send({
      cmd: 'unsubscribe',
      messageId: 1,
      unsubscriptions: ['a'],
      properties: { userProperties: { why: 'a long reason that would not fit into the answer' } },
    })
    assert.deepEqual(await client.expect('unsuback'), { cmd: 'unsuback', messageId: 1, granted: [0x11] })
  },
)
