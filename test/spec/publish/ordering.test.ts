/**
 * Message ordering (4.6): messages of one publisher arrive in order, with every QoS, retained or not, and with slow
 * hooks.
 */
import assert from 'node:assert/strict'
import type { QoS } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const ORDER = '[3.1.1 MQTT-4.6.0-5] [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5] [5.0 MQTT-4.6.0-6]'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

/** Publishes numbers with QoS 0, 1, 2, 0, 1, 2 …, without waiting. */
function sendMixed(publisher: SpecClient, from: number, to: number, prefix = ''): void {
  for (let i = from; i <= to; i++) {
    const qos = (i % 3) as QoS
    publisher.send(textPacket('a', `${prefix}${i}`, { qos, messageId: qos > 0 ? i : undefined, retain: i % 5 === 0 }))
    if (qos === 2) publisher.send({ cmd: 'pubrel', messageId: i })
  }
}

async function subscriber({ connect, version }: Spec, session: 'clean' | 'kept', rest = {}): Promise<SpecClient> {
  const packet = session === 'kept' ? keptSession(version) : {}
  const client = await connect('subscriber', { ...packet, properties: { ...packet.properties, ...rest } })
  await client.subscribe({ topic: 'a', qos: 2 })
  return client
}

for (const session of ['clean', 'kept'] as const) {
  spec(`${ORDER} mixed QoS, ${session} session`, ALL, async context => {
    const client = await subscriber(context, session)
    sendMixed(await context.connect('publisher'), 1, 60)
    assert.deepEqual(texts(await receive(client, 60)), numbers(1, 60))
  })

  spec(`${ORDER} a receiver that takes one message at a time, ${session} session`, [5], async context => {
    const client = await subscriber(context, session, { receiveMaximum: 1 })
    sendMixed(await context.connect('publisher'), 1, 30)
    assert.deepEqual(byQos(await receive(client, 30)), byQosOf(1, 30))
  })

  spec(`${ORDER} hooks that take different times, ${session} session`, ALL, async context => {
    const { broker, clock, connect } = context
    const late: { at: number; callback: () => void }[] = []
    broker.authorizePublish = (_, packet, callback) => {
      const wait = (Number(packet.payload.toString()) * 7) % 11
      if (wait === 0) callback()
      else clock.setTimeout(() => callback(), wait)
    }
    broker.published = (_message, _client, callback) => {
      clock.setTimeout(() => callback(), 1 + (late.length % 5))
    }
    const client = await subscriber(context, session)
    sendMixed(await connect('publisher'), 1, 40)
    const arrived = receive(client, 40)
    for (let i = 0; i < 40; i++) await clock.advance(20)
    assert.deepEqual(texts(await arrived), numbers(1, 40))
  })

  spec(`${ORDER} two publishers: the order of each is kept, ${session} session`, ALL, async context => {
    const client = await subscriber(context, session)
    const [one, two] = [await context.connect('one'), await context.connect('two')]
    for (let i = 1; i <= 40; i += 10) {
      sendMixed(one, i, i + 9, '1:')
      sendMixed(two, i, i + 9, '2:')
    }
    const arrived = texts(await receive(client, 80))
    for (const publisher of ['1:', '2:']) {
      const own = arrived.filter(text => text.startsWith(publisher)).map(text => text.slice(2))
      assert.deepEqual(own, numbers(1, 40))
    }
  })
}

/** QoS 0 may overtake QoS 1 and 2 that have to wait; messages of one QoS keep their order. */
function byQos(messages: readonly { qos: QoS; payload: Buffer }[]): string[][] {
  return [0, 1, 2].map(qos => messages.filter(message => message.qos === qos).map(({ payload }) => payload.toString()))
}

function byQosOf(from: number, to: number): string[][] {
  return [0, 1, 2].map(qos => numbers(from, to).filter(number => Number(number) % 3 === qos))
}

spec(`${ORDER} queued messages, and new ones while the queue is being sent`, ALL, async context => {
  const { connect, version } = context
  const away = await subscriber(context, 'kept')
  await away.drop()
  const publisher = await connect('publisher')
  sendMixed(publisher, 1, 30)
  await publisher.settle()
  const returned = await connect('subscriber', keptSession(version))
  sendMixed(publisher, 31, 60)
  const stored = numbers(1, 30).filter(number => Number(number) % 3 > 0)
  const arrived = texts(await receive(returned, stored.length + 30))
  assert.deepEqual(arrived, [...stored, ...numbers(31, 60)])
})

spec(
  `${ORDER} retained messages of a new subscription do not disturb the order of live messages`,
  ALL,
  async context => {
    const { broker, connect } = context
    await broker.publish({ topic: 'a', qos: 1, retain: true, payload: '0' })
    const client = await connect('client')
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] })
    const publisher = await connect('publisher')
    for (let i = 1; i <= 10; i++) publisher.send(textPacket('a', String(i), { qos: 1, messageId: i }))
    await client.expect('suback')
    const arrived = texts(await receive(client, 11))
    assert.deepEqual(
      arrived.filter(text => text !== '0'),
      numbers(1, 10),
    )
  },
)

spec(
  '[3.1.1 MQTT-4.6.0-2] [3.1.1 MQTT-4.6.0-3] acknowledgements to a publisher are in the order of its messages',
  ALL,
  async ({ broker, clock, connect }) => {
    broker.authorizePublish = (_, packet, callback) => {
      clock.setTimeout(() => callback(), 10 - Number(packet.payload.toString()))
    }
    const publisher = await connect('publisher')
    for (let i = 1; i <= 9; i++) publisher.send(textPacket('a', String(i), { qos: i % 2 === 0 ? 2 : 1, messageId: i }))
    publisher.send({ cmd: 'subscribe', messageId: 10, subscriptions: [{ topic: 'b', qos: 0 }] })
    await clock.advance(20)
    const answers = []
    for (let i = 1; i <= 10; i++) answers.push(await publisher.next())
    assert.deepEqual(
      answers.map(answer => [answer.cmd, 'messageId' in answer && answer.messageId]),
      numbers(1, 10)
        .map(Number)
        .map(i => [i === 10 ? 'suback' : i % 2 === 0 ? 'pubrec' : 'puback', i]),
    )
  },
)

spec('[3.1.1 MQTT-4.6.0-4] PUBRELs are in the order of the PUBRECs', ALL, async context => {
  const client = await subscriber(context, 'kept')
  for (const payload of ['1', '2', '3']) await context.broker.publish({ topic: 'a', qos: 2, payload })
  const ids: number[] = []
  while (ids.length < 3) ids.push((await nextMessage(client, 2)).messageId)
  const [one, two, three] = ids
  const order = [three!, one!, two!]
  for (const messageId of order) client.send({ cmd: 'pubrec', messageId })
  for (const messageId of order) assert.equal((await client.expect('pubrel')).messageId, messageId)
})

spec('messages that authorizeForward withholds do not disturb the order of the others', ALL, async context => {
  context.broker.authorizeForward = (_, packet) => (Number(packet.payload.toString()) % 4 === 0 ? null : packet)
  const client = await subscriber(context, 'kept')
  sendMixed(await context.connect('publisher'), 1, 40)
  assert.deepEqual(
    texts(await receive(client, 30)),
    numbers(1, 40).filter(number => Number(number) % 4 !== 0),
  )
})

spec('[3.1.1 MQTT-4.6.0-1] messages that are sent again come before new ones', ALL, async context => {
  const { broker, connect, version } = context
  const client = await subscriber(context, 'kept')
  await broker.publish({ topic: 'a', qos: 1, payload: '1' })
  await broker.publish({ topic: 'a', qos: 2, payload: '2' })
  await nextMessage(client, 1)
  await nextMessage(client, 2)
  await client.drop()
  await broker.publish({ topic: 'a', qos: 1, payload: '3' })
  const returned = await connect('subscriber', keptSession(version))
  await broker.publish({ topic: 'a', qos: 1, payload: '4' })
  const first = await nextMessage(returned, 1)
  assert.deepEqual([first.payload.toString(), first.dup], ['1', true])
  await acknowledge(returned, first)
  assert.deepEqual(texts(await receive(returned, 3)), ['2', '3', '4'])
})
