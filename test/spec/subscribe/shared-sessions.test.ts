/** Shared subscriptions of clients that disconnect: what happens to their unfinished messages (4.8.2). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { ConnectPacket, ProtocolVersion, PublishPacket } from '../../../types/message/packets.js'
import { acknowledge, publishText, receiveAll, receiveTexts, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const SHARE = '$share/group/a'

async function joined({ connect }: Spec, clientId: string, packet: Partial<ConnectPacket> = {}): Promise<SpecClient> {
  const client = await connect(clientId, packet)
  await client.subscribe({ topic: SHARE, qos: 2 })
  return client
}

/** The only received packet, which must be a PUBLISH. */
async function onlyMessage(client: SpecClient): Promise<PublishPacket> {
  const packets = await client.settle()
  assert.deepEqual(
    packets.map(({ cmd }) => cmd),
    ['publish'],
  )
  return packets[0] as PublishPacket
}

spec('another member gets the unacknowledged QoS 1 messages of a member whose session ends', ALL, async frame => {
  const leaving = await joined(frame, 'leaving')
  const publisher = await frame.connect('publisher')
  await publishText(publisher, 'a', 'acknowledged', { qos: 1 })
  acknowledge(leaving, await leaving.expect('publish'))
  await publishText(publisher, 'a', 'one', { qos: 1 })
  await publishText(publisher, 'a', 'two', { qos: 1 })
  const staying = await joined(frame, 'staying')
  await leaving.drop()
  const received = await receiveAll(staying)
  assert.deepEqual(
    received.map(packet => [textOf(packet), packet.qos, packet.dup]),
    [
      ['one', 1, false],
      ['two', 1, false],
    ],
  )
})

for (const queueQoS0 of [false, true]) {
  spec(
    `with queueQoS0 ${queueQoS0}, QoS 0 messages for a group with only disconnected members are ${queueQoS0 ? 'queued' : 'dropped'}`,
    ALL,
    async frame => {
      const kept = keptSession(frame.version)
      const members = ['one', 'two', 'takes QoS 0']
      for (const clientId of members) {
        const client = await frame.connect(clientId, kept)
        await client.subscribe({ topic: SHARE, qos: clientId === 'takes QoS 0' ? 0 : 1 })
        if (clientId === 'two') await client.subscribe({ topic: 'a', qos: 1 })
        await client.drop()
      }
      while (frame.broker.connectedClients > 0) await new Promise(setImmediate)
      for (const text of ['1', '2', '3', '4']) await frame.broker.publish({ topic: 'a', payload: text })
      const received: Record<string, string[]> = {}
      for (const clientId of members) {
        const client = await frame.connect(clientId, kept)
        received[clientId] = await receiveTexts(client)
        await client.drop()
        await (await frame.connect(clientId, kept)).expectNothing()
      }
      const shared = [...received.one!, ...received.two!].sort()
      assert.deepEqual(
        shared,
        queueQoS0 ? ['1', '1', '2', '2', '3', '3', '4', '4'] : [],
        'client two also gets its own copies',
      )
      assert.equal(received.one!.length, queueQoS0 ? 2 : 0)
      assert.deepEqual(received['takes QoS 0'], [])
    },
    { queueQoS0 },
  )
}

spec('[5.0 MQTT-4.8.2-5] another member gets a queued QoS 2 message, but not one that was sent', [5], async frame => {
  const leaving = await joined(frame, 'leaving', { properties: { receiveMaximum: 1 } })
  const publisher = await frame.connect('publisher')
  await publishText(publisher, 'a', 'sent', { qos: 2 })
  await publishText(publisher, 'a', 'waiting', { qos: 2 })
  assert.equal(textOf(await onlyMessage(leaving)), 'sent')
  const staying = await joined(frame, 'staying')
  await leaving.drop()
  assert.deepEqual(await receiveTexts(staying), ['waiting'])
})

spec('without other members the messages are dropped, and events report it', ALL, async frame => {
  const drops: string[] = []
  frame.broker.on('drop', ({ clientId, reason, message }) => drops.push(`${clientId} ${reason} ${message.payload}`))
  const leaving = await joined(frame, 'leaving')
  await publishText(await frame.connect('publisher'), 'a', 'lost', { qos: 1 })
  assert.equal(textOf(await onlyMessage(leaving)), 'lost')
  await leaving.drop()
  await (await joined(frame, 'late')).expectNothing()
  assert.deepEqual(drops, ['leaving session-ended lost'])
})

spec(
  '[5.0 MQTT-4.8.2-4] messages sent to a stored session are completed with the same client when it reconnects',
  ALL,
  async frame => {
    const { version, connect } = frame
    const away = await joined(frame, 'away', keptSession(version))
    const publisher = await connect('publisher')
    for (const qos of [1, 2] as const) await publishText(publisher, 'a', `qos ${qos}`, { qos })
    const [one, two] = (await away.settle()) as [PublishPacket, PublishPacket]
    const staying = await joined(frame, 'staying')
    await away.drop()
    await staying.expectNothing()

    const again = await connect('away', keptSession(version))
    const resent = (await again.settle()) as PublishPacket[]
    assert.deepEqual(
      resent.map(packet => [textOf(packet), packet.messageId, packet.dup]),
      [
        ['qos 1', one.messageId, true],
        ['qos 2', two.messageId, true],
      ],
    )
    for (const packet of resent) acknowledge(again, packet)
    assert.equal((await again.expect('pubrel')).messageId, two.messageId)
    again.send({ cmd: 'pubcomp', messageId: two.messageId! })
    await again.expectNothing()
  },
)

spec(
  '[5.0 MQTT-4.8.2-5] when a stored session ends, another member gets its QoS 1 messages, but no QoS 2 message that was sent',
  [5],
  async frame => {
    const { connect, clock } = frame
    const away = await joined(frame, 'away', keptSession(5, 100))
    const publisher = await connect('publisher')
    for (const qos of [1, 2] as const) await publishText(publisher, 'a', `qos ${qos}`, { qos })
    await away.settle()
    const staying = await joined(frame, 'staying')
    await away.drop()
    await clock.advance(90_000)
    await staying.expectNothing()
    await clock.advance(20_000)
    assert.deepEqual(await receiveTexts(staying), ['qos 1'])
  },
)

for (const how of ['a clean start', 'a takeover by a clean start'] as const) {
  spec(`another member gets the messages of a session that ${how} ends`, ALL, async frame => {
    const { version, connect } = frame
    const away = await joined(frame, 'away', keptSession(version))
    await publishText(await connect('publisher'), 'a', 'unfinished', { qos: 1 })
    await away.settle()
    const staying = await joined(frame, 'staying')
    if (how === 'a clean start') await away.drop()
    const again = await connect('away', { clean: true })
    assert.deepEqual(await receiveTexts(staying), ['unfinished'])
    await again.expectNothing()
  })
}

spec('[5.0 MQTT-4.8.2-6] a message that a member refuses is dropped, not offered to another', [5], async frame => {
  const group = [await joined(frame, 'one'), await joined(frame, 'two', keptSession(5))]
  const publisher = await frame.connect('publisher')
  for (const qos of [1, 2] as const) {
    for (let i = 0; i < 2; i++) await publishText(publisher, 'a', `qos ${qos}`, { qos })
    for (const member of group) acknowledge(member, await onlyMessage(member), 0x97)
    for (const member of group) await member.expectNothing()
  }
  for (const member of group) await member.drop()
  await (await frame.connect('two', keptSession(5))).expectNothing()
  await (await joined(frame, 'late')).expectNothing()
})

spec('disconnected members get nothing while another one is connected', ALL, async frame => {
  const { version, connect } = frame
  const away = await joined(frame, 'away', keptSession(version))
  const here = await joined(frame, 'here')
  await away.drop()
  const publisher = await connect('publisher')
  for (let i = 0; i < 4; i++) await publishText(publisher, 'a', String(i), { qos: 1 })
  assert.deepEqual(await receiveTexts(here), ['0', '1', '2', '3'])
  await (await connect('away', keptSession(version))).expectNothing()
})

spec('without connected members the queues of disconnected ones take turns, except for QoS 0', ALL, async frame => {
  const { version, connect } = frame
  for (const id of ['one', 'two']) await (await joined(frame, id, keptSession(version))).drop()
  const publisher = await connect('publisher')
  await publishText(publisher, 'a', 'missed', { qos: 0 })
  for (let i = 0; i < 4; i++) await publishText(publisher, 'a', String(i), { qos: i % 2 === 0 ? 1 : 2 })
  const received: string[][] = []
  for (const id of ['one', 'two']) received.push(await receiveTexts(await connect(id, keptSession(version))))
  assert.deepEqual(
    received.map(({ length }) => length),
    [2, 2],
  )
  assert.deepEqual(received.flat().toSorted(), ['0', '1', '2', '3'])
})

spec('a member that reconnects gets messages again', ALL, async frame => {
  const { version, connect } = frame
  const away = await joined(frame, 'away', keptSession(version))
  const here = await joined(frame, 'here')
  await away.drop()
  const again = await connect('away', keptSession(version))
  const publisher = await connect('publisher')
  for (let i = 0; i < 4; i++) await publishText(publisher, 'a', String(i), { qos: 1 })
  assert.equal((await receiveAll(again)).length, 2)
  assert.equal((await receiveAll(here)).length, 2)
})

spec('an expired session is no longer a member', [5], async frame => {
  const { connect, clock } = frame
  await (await joined(frame, 'away', keptSession(5, 10))).drop()
  const publisher = await connect('publisher')
  assert.equal(await publishText(publisher, 'a', '', { qos: 1 }), 0)
  await clock.advance(11_000)
  assert.equal(await publishText(publisher, 'a', '', { qos: 1 }), 0x10)
})

for (const version of ALL) {
  test(`disconnected members are still members after a restart of the broker (version ${version})`, async () => {
    const clock = new FakeClock()
    const persistence = createMemoryPersistence({ now: () => clock.now() })
    await withBroker({ clock, persistence }, version, async connect => {
      for (const clientId of ['one', 'two']) {
        const client = await connect(clientId)
        await client.subscribe({ topic: SHARE, qos: 1 })
        await client.drop()
      }
    })
    await withBroker({ clock, persistence }, version, async connect => {
      const publisher = await connect('publisher')
      for (const text of ['0', '1']) await publishText(publisher, 'a', text, { qos: 1 })
      const one = await connect('one')
      assert.equal((await receiveAll(one)).length, 1)
      await publishText(publisher, 'a', 'live', { qos: 1 })
      assert.deepEqual(await receiveTexts(one), ['live'])
      assert.equal((await receiveAll(await connect('two'))).length, 1)
    })
  })
}

/** One run of a broker, with clients whose sessions are stored. */
async function withBroker(
  options: Parameters<typeof createBroker>[0] & { clock: FakeClock },
  version: ProtocolVersion,
  body: (connect: (clientId: string) => Promise<SpecClient>) => Promise<void>,
): Promise<void> {
  const broker = await createBroker(options)
  try {
    await body(async clientId => {
      const client = new SpecClient(broker, version)
      const connack = await client.connect({ clientId, ...keptSession(version) })
      assert.equal(connack.reasonCode ?? connack.returnCode, 0)
      return client
    })
  } finally {
    const closing = broker.close()
    await options.clock.advance(60_000)
    await closing
  }
}
