/** Keep alive: a client that is silent for one and a half times its keep alive is disconnected. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { packetBytes, propertiesOf, textField } from '../../support/bytes.js'
import { publishPacket } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

spec(
  '[3.1.1 MQTT-3.1.2-24] [3.1.1 MQTT-3.1.2-23] [5.0 MQTT-3.1.2-22] [5.0 MQTT-3.1.2-20] \
a silent client is disconnected after 1.5 times the keep alive',
  ALL,
  async ({ broker, clock, connect }) => {
    const client = await connect('silent', { keepalive: 10 })
    const timeout = once(broker, 'keepaliveTimeout')
    await clock.advance(14_900)
    assert.equal(client.isClosed, false)
    await clock.advance(200)
    await client.expectDisconnect(0x8d)
    assert.equal((await timeout)[0].id, 'silent')
  },
)

for (const [keepalive, allowedMs] of [
  [1, 1500],
  [60, 90_000],
  [65_535, 98_302_500],
] as const) {
  spec(
    `[3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22] [5.0 MQTT-3.2.2-22] keep alive ${keepalive} allows ${allowedMs} ms`,
    ALL,
    async ({ clock, resume }) => {
      const { client, connack } = await resume('silent', { keepalive })
      assert.equal(connack.properties?.serverKeepAlive, undefined)
      await clock.advance(allowedMs - 100)
      assert.equal(client.isClosed, false)
      await clock.advance(200)
      await client.expectDisconnect(0x8d)
    },
  )
}

spec('a client with keep alive 0 may be silent forever', ALL, async ({ clock, connect }) => {
  const client = await connect('silent', { keepalive: 0 })
  await clock.advance(365 * 24 * 3600_000)
  await client.expectNothing()
})

spec(
  '[3.1.1 MQTT-3.12.4-1] [5.0 MQTT-3.12.4-1] PINGREQ is answered with PINGRESP and restarts the keep alive',
  ALL,
  async ({ clock, connect }) => {
    const client = await connect('pinging', { keepalive: 10 })
    for (let i = 0; i < 5; i++) {
      await clock.advance(14_000)
      client.send({ cmd: 'pingreq' })
      await client.expect('pingresp')
    }
    client.send({ cmd: 'pingreq' }, { cmd: 'pingreq' })
    await client.expect('pingresp')
    await client.expect('pingresp')
  },
)

const SIGNS_OF_LIFE: readonly [packet: Packet, answer: Packet['cmd'] | undefined][] = [
  [publishPacket({ topic: 'a' }), undefined],
  [publishPacket({ topic: 'a', qos: 1, messageId: 1 }), 'puback'],
  [{ cmd: 'pubrel', messageId: 5 }, 'pubcomp'],
  [{ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'x', qos: 0 }] }, 'suback'],
  [{ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['x'] }, 'unsuback'],
]
for (const [packet, answer] of SIGNS_OF_LIFE) {
  spec(
    `[3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22] ${packet.cmd} (answer: ${answer ?? 'none'}) restarts the keep alive`,
    ALL,
    async ({ clock, connect }) => {
      const client = await connect('busy', { keepalive: 10 })
      for (let i = 0; i < 3; i++) {
        await clock.advance(14_000)
        client.send(packet)
        if (answer !== undefined) await client.expect(answer)
      }
      await clock.advance(14_000)
      await client.expectNothing()
    },
  )
}

spec(
  'part of a packet restarts the keep alive, so a long packet over a slow network is not cut off',
  ALL,
  async tools => {
    const { clock, connect, version } = tools
    const client = await connect('slow', { keepalive: 10 })
    const bytes = packetBytes(0x30, textField('a'), propertiesOf(version), '00 00 00 00').replaceAll(/\s/g, '')
    for (let i = 0; i < bytes.length; i += 2) {
      client.sendBytes(bytes.slice(i, i + 2))
      await clock.advance(14_000)
    }
    await client.expectNothing()
  },
)

spec('packets from the broker do not restart the keep alive of the client', ALL, async ({ broker, clock, connect }) => {
  const client = await connect('silent', { keepalive: 10 })
  await client.subscribe({ topic: 'a', qos: 0 })
  await clock.advance(10_000)
  await broker.publish({ topic: 'a' })
  await client.expect('publish')
  await clock.advance(5100)
  await client.expectDisconnect(0x8d)
})

spec(
  '[5.0 MQTT-3.1.2-21] [5.0 MQTT-3.2.2-21] a client that asks for a longer keep alive gets a Server Keep Alive, which applies',
  [5],
  async ({ clock, resume }) => {
    for (const keepalive of [0, 31, 65_535]) {
      const { client, connack } = await resume('silent', { keepalive })
      assert.equal(connack.properties?.serverKeepAlive, 30)
      await clock.advance(44_900)
      assert.equal(client.isClosed, false)
      await clock.advance(200)
      await client.expectDisconnect(0x8d)
    }
  },
  { keepaliveLimit: 30 },
)

spec(
  '[5.0 MQTT-3.2.2-22] without Server Keep Alive the keep alive of CONNECT applies',
  [5],
  async ({ clock, resume }) => {
    const { client, connack } = await resume('silent', { keepalive: 20 })
    assert.equal(connack.properties?.serverKeepAlive, undefined)
    await clock.advance(29_900)
    assert.equal(client.isClosed, false)
    await clock.advance(200)
    await client.expectDisconnect(0x8d)
  },
  { keepaliveLimit: 30 },
)

spec(
  'the keep alive of a client before 5.0, which cannot get a Server Keep Alive, is not limited',
  [3, 4],
  async ({ clock, connect }) => {
    const client = await connect('silent', { keepalive: 100 })
    await clock.advance(149_000)
    await client.expectNothing()
  },
  { keepaliveLimit: 30 },
)
