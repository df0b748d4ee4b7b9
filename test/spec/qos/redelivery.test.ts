/** Message delivery retry (4.4): what is retransmitted when a session is resumed, how, and what never is. */
import assert from 'node:assert/strict'
import type { Packet } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, publishAll, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** A subscriber with a stored session, and messages that it has received and not acknowledged. */
async function unacknowledged({ connect, version }: Spec, qos: 1 | 2, ...payloads: string[]) {
  const subscriber = await connect('subscriber', keptSession(version))
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  const publisher = await connect('publisher')
  publishAll(publisher, 'a', qos, ...payloads)
  const ids: number[] = []
  for (const _ of payloads) ids.push((await nextMessage(subscriber, qos)).messageId)
  return { subscriber, publisher, ids }
}

function summary(packets: readonly Packet[]): unknown[] {
  return packets.map(packet =>
    packet.cmd === 'publish'
      ? [packet.payload.toString(), packet.messageId, packet.dup]
      : [packet.cmd, 'messageId' in packet && packet.messageId],
  )
}

async function arrivals(client: SpecClient, count: number): Promise<Packet[]> {
  const packets: Packet[] = []
  while (packets.length < count) packets.push(await client.next())
  return packets
}

for (const qos of [1, 2] as const) {
  spec(
    '[3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1] [3.1.1 MQTT-3.3.1-1] [5.0 MQTT-3.3.1-1] [3.1.1 MQTT-4.6.0-1]' +
      ` a resumed session gets its unacknowledged QoS ${qos} messages again, with the same packet ids, DUP and in the same order`,
    ALL,
    async context => {
      const { subscriber, ids } = await unacknowledged(context, qos, '1', '2', '3')
      await subscriber.drop()
      for (let round = 0; round < 2; round++) {
        const returned = await context.connect('subscriber', keptSession(context.version))
        const again = await arrivals(returned, 3)
        assert.deepEqual(
          summary(again),
          ids.map((id, index) => [String(index + 1), id, true]),
        )
        await returned.expectNothing()
        await returned.drop()
      }
    },
  )

  spec(
    `[5.0 MQTT-4.4.0-1] QoS ${qos}: nothing is sent again during a connection, however long it lasts`,
    [5],
    async context => {
      const { subscriber } = await unacknowledged(context, qos, '1', '2')
      for (let i = 0; i < 10; i++) {
        await context.clock.advance(600_000)
        await subscriber.expectNothing()
      }
    },
  )

  spec(`QoS ${qos}: messages published while the client was away come next, without DUP`, ALL, async context => {
    const { subscriber, publisher } = await unacknowledged(context, qos, '1', '2')
    await subscriber.drop()
    for (const [messageId, text] of [
      [3, '3'],
      [4, '4'],
    ] as const) {
      publisher.send(textPacket('a', text, { qos, messageId }))
    }
    await publisher.settle()
    const returned = await context.connect('subscriber', keptSession(context.version))
    const messages = await receive(returned, 4)
    assert.deepEqual(texts(messages), ['1', '2', '3', '4'])
    assert.deepEqual(
      messages.map(({ dup }) => dup),
      [true, true, false, false],
    )
    assert.equal(new Set(messages.map(({ messageId }) => messageId)).size, 4)
  })

  spec(
    `[3.1.1 MQTT-4.6.0-1] [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5] QoS ${qos}: if some are acknowledged, the others are sent again in their order`,
    ALL,
    async context => {
      const { subscriber, ids } = await unacknowledged(context, qos, '1', '2', '3', '4')
      await acknowledge(subscriber, { qos, messageId: ids[1] } as Parameters<typeof acknowledge>[1])
      await subscriber.settle()
      await subscriber.drop()
      const returned = await context.connect('subscriber', keptSession(context.version))
      assert.deepEqual(texts(await receive(returned, 3)), ['1', '3', '4'])
    },
  )

  spec(`QoS ${qos}: nothing is sent again after a clean start`, ALL, async context => {
    const { subscriber } = await unacknowledged(context, qos, '1', '2')
    await subscriber.drop()
    const fresh = await context.connect('subscriber', { clean: true })
    await fresh.expectNothing()
  })
}

spec(
  '[3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1] [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-3] [5.0 MQTT-4.3.3-5] [5.0 MQTT-4.3.3-6]' +
    ' after PUBREC only PUBREL is sent again, until PUBCOMP comes',
  ALL,
  async context => {
    const { subscriber, ids } = await unacknowledged(context, 2, '1', '2', '3')
    subscriber.send({ cmd: 'pubrec', messageId: ids[0]! }, { cmd: 'pubrec', messageId: ids[1]! })
    await subscriber.expect('pubrel')
    await subscriber.expect('pubrel')
    await subscriber.drop()
    const returned = await context.connect('subscriber', keptSession(context.version))
    assert.deepEqual(summary(await arrivals(returned, 3)), [
      ['pubrel', ids[0]],
      ['pubrel', ids[1]],
      ['3', ids[2], true],
    ])
    returned.send({ cmd: 'pubcomp', messageId: ids[0]! })
    await returned.settle()
    await returned.drop()
    const again = await context.connect('subscriber', keptSession(context.version))
    assert.deepEqual(summary(await arrivals(again, 2)), [
      ['pubrel', ids[1]],
      ['3', ids[2], true],
    ])
    again.send({ cmd: 'pubcomp', messageId: ids[1]! }, { cmd: 'pubrec', messageId: ids[2]! })
    await again.expect('pubrel')
    again.send({ cmd: 'pubcomp', messageId: ids[2]! })
    await again.expectNothing()
  },
)

spec('new messages do not use the packet ids of messages that are sent again', ALL, async context => {
  const { subscriber, publisher, ids } = await unacknowledged(context, 1, '1', '2', '3')
  await subscriber.drop()
  const returned = await context.connect('subscriber', keptSession(context.version))
  await arrivals(returned, 3)
  publishAll(publisher, 'a', 1, '4', '5')
  const fresh = [await nextMessage(returned, 1), await nextMessage(returned, 1)].map(({ messageId }) => messageId)
  assert.equal(new Set([...ids, ...fresh]).size, 5)
})

spec('a message that was queued and never sent is sent without DUP', ALL, async context => {
  const { connect, version } = context
  const subscriber = await connect('subscriber', keptSession(version))
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  await subscriber.drop()
  publishAll(await connect('publisher'), 'a', 2, '1', '2')
  await (await connect('other')).settle()
  const returned = await connect('subscriber', keptSession(version))
  for (const message of await receive(returned, 2)) assert.equal(message.dup, false)
})

spec('a message is sent again and completed even if its subscription has ended', ALL, async context => {
  const { subscriber, ids } = await unacknowledged(context, 2, '1')
  subscriber.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a'] })
  await subscriber.expect('unsuback')
  await subscriber.drop()
  const returned = await context.connect('subscriber', keptSession(context.version))
  const message = await nextMessage(returned, 2)
  assert.equal(message.messageId, ids[0])
  await acknowledge(returned, message)
})

spec('QoS 2 handshakes of a publisher are continued after a reconnect', ALL, async context => {
  const { connect, version } = context
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  for (let round = 0; round < 3; round++) {
    const publisher = await connect('publisher', keptSession(version))
    publishAll(publisher, 'a', 2, '1', '2')
    await publisher.drop()
  }
  const last = await connect('publisher', keptSession(version))
  publishAll(last, 'a', 2, '1', '2')
  last.send({ cmd: 'pubrel', messageId: 1 }, { cmd: 'pubrel', messageId: 2 })
  assert.equal((await arrivals(last, 4)).length, 4)
  assert.deepEqual(texts(await receive(subscriber, 2)), ['1', '2'])
  await subscriber.expectNothing()
})

spec('authorizeForward is called for every delivery attempt', ALL, async context => {
  const { broker, connect, version } = context
  broker.authorizeForward = (_, packet) => ({ ...packet, payload: Buffer.from('censored') })
  const { subscriber } = await unacknowledged(context, 1, 'secret')
  await subscriber.drop()
  const returned = await connect('subscriber', keptSession(version))
  assert.deepEqual(texts(await receive(returned, 1)), ['censored'])
})

spec(
  'a message that authorizeForward withholds on the second attempt is removed from the session',
  ALL,
  async context => {
    const { broker, connect, version } = context
    const { subscriber } = await unacknowledged(context, 1, 'secret')
    await subscriber.drop()
    broker.authorizeForward = () => null
    const returned = await connect('subscriber', keptSession(version))
    await returned.expectNothing()
    await returned.drop()
    broker.authorizeForward = undefined
    const again = await connect('subscriber', keptSession(version))
    await again.expectNothing()
  },
)
