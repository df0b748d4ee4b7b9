/** Sessions: created, kept, resumed, replaced; what belongs to their state and what does not. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { publishPacket } from '../../support/clients/spec-client.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

spec(
  '[3.1.1 MQTT-3.2.2-3] [3.1.1 MQTT-3.1.2-4] [5.0 MQTT-3.1.2-6] [5.0 MQTT-3.2.2-3] \
a session is created if there is none, and session present is 0',
  ALL,
  async ({ version, resume, broker }) => {
    const { client, connack } = await resume('new', keptSession(version))
    assert.equal(connack.sessionPresent, false)
    assert.equal(connack.reasonCode ?? connack.returnCode, 0)
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.disconnect()
    await broker.publish({ topic: 'a', qos: 1 })
    const { client: again } = await resume('new', keptSession(version))
    await again.expect('publish')
  },
)

spec(
  '[3.1.1 MQTT-3.2.2-2] [5.0 MQTT-3.2.2-3] session present is 1 if the session is resumed',
  [4, 5],
  async ({ version, resume }) => {
    await (await resume('known', keptSession(version))).client.disconnect()
    const { connack } = await resume('known', keptSession(version))
    assert.equal(connack.sessionPresent, true)
    assert.equal(connack.reasonCode ?? connack.returnCode, 0)
  },
)

spec('CONNACK of 3.1 has no session present flag', [3], async ({ resume }) => {
  await (await resume('known', keptSession(3))).client.disconnect()
  assert.equal((await resume('known', keptSession(3))).connack.sessionPresent, false)
})

spec(
  '[3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.1.2-5] [3.1.1 MQTT-4.1.0-1] [5.0 MQTT-3.1.2-5] [5.0 MQTT-3.1.2-23] \
a resumed session has its subscriptions and the QoS 1 and 2 messages published in the meantime',
  ALL,
  async ({ version, broker, connect, resume }) => {
    const client = await connect('away', keptSession(version))
    await client.subscribe({ topic: 'a/#', qos: 2 }, { topic: 'b', qos: 1 })
    await client.disconnect()
    await broker.publish({ topic: 'a/1', qos: 1, payload: 'one' })
    await broker.publish({ topic: 'a/2', qos: 2, payload: 'two' })
    await broker.publish({ topic: 'b', qos: 2, payload: 'three' })
    const { client: back } = await resume('away', keptSession(version))
    const got = [await back.expect('publish'), await back.expect('publish'), await back.expect('publish')]
    assert.deepEqual(
      got.map(({ topic, qos, payload }) => [topic, qos, payload.toString()]),
      [
        ['a/1', 1, 'one'],
        ['a/2', 2, 'two'],
        ['b', 1, 'three'],
      ],
    )
    await broker.publish({ topic: 'b', qos: 0, payload: 'live' })
    assert.equal((await back.expect('publish')).payload.toString(), 'live')
  },
)

spec(
  '[5.0 MQTT-3.1.2-23] [3.1.1 MQTT-3.1.2-4] unacknowledged messages of both directions are part of the session',
  ALL,
  async ({ version, broker, connect, resume }) => {
    const client = await connect('state', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 2 })
    // sent by the client, not yet released
    client.send(publishPacket({ topic: 'b', qos: 2, messageId: 9 }))
    await client.expect('pubrec')
    // sent to the client, one not acknowledged, one received and not completed
    await broker.publish({ topic: 'a', qos: 1, payload: 'one' })
    const one = await client.expect('publish')
    await broker.publish({ topic: 'a', qos: 2, payload: 'two' })
    const two = await client.expect('publish')
    client.send({ cmd: 'pubrec', messageId: two.messageId! })
    await client.expect('pubrel')
    await client.drop()
    const published: string[] = []
    broker.on('publish', ({ topic }) => published.push(topic))
    const { client: back } = await resume('state', keptSession(version))
    const again = await back.expect('publish')
    assert.deepEqual([again.messageId, again.dup, again.payload.toString()], [one.messageId, true, 'one'])
    assert.equal((await back.expect('pubrel')).messageId, two.messageId)
    back.send(publishPacket({ topic: 'b', qos: 2, messageId: 9, dup: true }))
    await back.expect('pubrec')
    assert.deepEqual(published, [], 'a repeated message must not be published again')
  },
)

spec(
  '[3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-1] [5.0 MQTT-3.1.2-4] [5.0 MQTT-3.2.2-2] \
a clean start removes the previous session with all its state, and session present is 0',
  ALL,
  async ({ version, broker, connect, resume }) => {
    const client = await connect('again', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 2 })
    client.send(publishPacket({ topic: 'b', qos: 2, messageId: 9 }))
    await client.expect('pubrec')
    await broker.publish({ topic: 'a', qos: 1 })
    await client.expect('publish')
    await client.disconnect()
    await broker.publish({ topic: 'a', qos: 1 })
    const { client: clean, connack } = await resume('again', { ...keptSession(version), clean: true })
    assert.equal(connack.sessionPresent, false)
    assert.equal(connack.reasonCode ?? connack.returnCode, 0)
    await clean.expectNothing()
    await broker.publish({ topic: 'a', qos: 1 })
    await clean.expectNothing()
    // the packet id is free again: this is a new message
    const published: string[] = []
    broker.on('publish', ({ topic }) => published.push(topic))
    await clean.publish({ topic: 'b', qos: 2, messageId: 9 })
    assert.deepEqual(published, ['b'])
  },
)

spec(
  '[3.1.1 MQTT-3.1.2-6] a clean session ends with its connection',
  [3, 4],
  async ({ version, broker, connect, resume }) => {
    const client = await connect('short', { clean: true })
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.drop()
    await broker.publish({ topic: 'a', qos: 1 })
    const { client: back, connack } = await resume('short', keptSession(version))
    assert.equal(connack.sessionPresent, false)
    await back.expectNothing()
    await broker.publish({ topic: 'a', qos: 1 })
    await back.expectNothing()
  },
)

spec('[5.0 MQTT-3.2.2-2] a session that starts clean can be resumed later in 5.0', [5], async ({ connect, resume }) => {
  const kept = { clean: true, properties: { sessionExpiryInterval: 100 } }
  await (await connect('kept', kept)).disconnect()
  assert.equal((await resume('kept', { ...kept, clean: false })).connack.sessionPresent, true)
})

spec(
  '[3.1.1 MQTT-3.1.2-7] retained messages are not part of a session and survive its end',
  ALL,
  async ({ version, connect }) => {
    const first = await connect('one', keptSession(version))
    await first.publish({ topic: 'kept', payload: 'still here', retain: true, qos: 1 })
    await first.disconnect()
    await (await connect('one', { clean: true })).disconnect()
    const other = await connect('two')
    await other.subscribe({ topic: 'kept', qos: 0 })
    assert.equal((await other.expect('publish')).payload.toString(), 'still here')
  },
)

spec(
  '[3.1.1 MQTT-4.1.0-2] [5.0 MQTT-4.1.0-1] a session is never discarded while its connection is open, whatever its expiry',
  ALL,
  async ({ version, broker, clock, connect }) => {
    const kept = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 1 } } : { clean: false }
    const expiring = await connect('open', kept)
    const clean = await connect('clean', { clean: true })
    for (const client of [expiring, clean]) {
      await client.subscribe({ topic: 'a', qos: 2 })
      client.send(publishPacket({ topic: 'b', qos: 2, messageId: 9 }))
      await client.expect('pubrec')
    }
    await clock.advance(3600_000)
    await broker.publish({ topic: 'a', qos: 1 })
    for (const client of [expiring, clean]) {
      await client.expect('publish')
      client.send({ cmd: 'pubrel', messageId: 9 })
      assert.equal((await client.expect('pubcomp')).reasonCode ?? 0, 0)
    }
  },
  { defaultSessionExpiry: 1 },
)

spec('QoS 0 messages are queued only if the option says so', ALL, ({ version, ...tools }) =>
  offlineQoS0(version, tools, 0),
)
spec(
  'with queueQoS0, QoS 0 messages are queued for disconnected sessions',
  ALL,
  ({ version, ...tools }) => offlineQoS0(version, tools, 1),
  { queueQoS0: true },
)

async function offlineQoS0(
  version: ProtocolVersion,
  { broker, connect, resume }: Omit<Spec, 'version'>,
  expected: number,
): Promise<void> {
  const client = await connect('away', keptSession(version))
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.disconnect()
  await broker.publish({ topic: 'a', qos: 0 })
  const { client: back } = await resume('away', keptSession(version))
  const packets = await back.settle()
  assert.equal(packets.filter(({ cmd }) => cmd === 'publish').length, expected)
  await back.disconnect()
  const { client: again } = await resume('away', keptSession(version))
  assert.deepEqual(await again.settle(), [], 'a QoS 0 message is completed when it has been sent')
}
