/**
 * QoS 1 and 2 to a client (4.3): packet ids, the steps of the handshakes, and answers that are late, wrong or refusals.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, publishAll, receive, texts } from '../../support/clients/traffic.js'
import { byEffort } from '../../support/effort.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** A subscriber of `a` with QoS 2, and a publisher; with a stored session and with one that is not. */
async function pair({ connect, version }: Spec, session: 'kept' | 'clean'): Promise<[SpecClient, SpecClient]> {
  const subscriber = await connect('subscriber', session === 'kept' ? keptSession(version) : {})
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  return [subscriber, await connect('publisher')]
}

for (const session of ['clean', 'kept'] as const) {
  spec(
    '[3.1.1 MQTT-4.3.2-1] [5.0 MQTT-4.3.2-1] [5.0 MQTT-4.3.2-2] [5.0 MQTT-4.3.2-3] [3.1.1 MQTT-2.3.1-4]' +
      ` [5.0 MQTT-2.2.1-4] QoS 1: unused packet ids, no DUP, unacknowledged until PUBACK (${session} session)`,
    ALL,
    async context => {
      const [subscriber, publisher] = await pair(context, session)
      publishAll(publisher, 'a', 1, 'one', 'two', 'three')
      const messages = [
        await nextMessage(subscriber, 1),
        await nextMessage(subscriber, 1),
        await nextMessage(subscriber, 1),
      ]
      assert.deepEqual(texts(messages), ['one', 'two', 'three'])
      assert.equal(new Set(messages.map(({ messageId }) => messageId)).size, 3)
      assert(messages.every(({ dup, messageId }) => !dup && messageId > 0))
      assert.equal((await subscriber.settle()).length, 0, 'nothing is sent again on a live connection')
      for (const message of messages) await acknowledge(subscriber, message)
      await subscriber.expectNothing()
    },
  )

  spec(
    '[3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-4] [5.0 MQTT-2.2.1-5] [3.1.1 MQTT-2.3.1-6]' +
      ` QoS 2: unused packet ids, no DUP, PUBREC is answered with PUBREL of the same id (${session} session)`,
    ALL,
    async context => {
      const [subscriber, publisher] = await pair(context, session)
      publishAll(publisher, 'a', 2, 'one', 'two')
      const first = await nextMessage(subscriber, 2)
      const second = await nextMessage(subscriber, 2)
      assert.notEqual(first.messageId, second.messageId)
      assert(!first.dup && !second.dup)
      for (const { messageId } of [first, second]) {
        subscriber.send({ cmd: 'pubrec', messageId })
        assert.equal((await subscriber.expect('pubrel')).messageId, messageId)
      }
      for (const { messageId } of [first, second]) subscriber.send({ cmd: 'pubcomp', messageId })
      await subscriber.expectNothing()
    },
  )
}

spec(
  '[3.1.1 MQTT-2.3.1-4] [5.0 MQTT-2.2.1-4] [5.0 MQTT-4.3.2-1] packet ids wrap around and skip those in use',
  byEffort<readonly (3 | 4 | 5)[]>({ fast: [], normal: ALL, full: ALL }),
  async context => {
    const [subscriber] = await pair(context, 'clean')
    const held: number[] = []
    let rounds = 0
    let last = 0
    while (rounds < byEffort({ fast: 1, normal: 1, full: 3 })) {
      for (let i = 0; i < 100; i++) await context.broker.publish({ topic: 'a', qos: 1 })
      for (let i = 0; i < 100; i++) {
        const { messageId } = await nextMessage(subscriber, 1)
        assert(messageId >= 1 && messageId <= 65_535)
        assert(!held.includes(messageId), `packet id ${messageId} is in use`)
        if (messageId < last) rounds++
        last = messageId
        if (held.length < 3) held.push(messageId)
        else subscriber.send({ cmd: 'puback', messageId })
      }
    }
  },
  { maxInflight: 200 },
)

spec('acknowledgements may come out of order', ALL, async context => {
  const [subscriber, publisher] = await pair(context, 'kept')
  publishAll(publisher, 'a', 1, '1', '2', '3')
  const ids = (await Promise.all([1, 2, 3].map(() => nextMessage(subscriber, 1)))).map(({ messageId }) => messageId)
  for (const messageId of ids.reverse()) subscriber.send({ cmd: 'puback', messageId })
  await subscriber.settle()
  await subscriber.drop()
  const returned = await context.connect('subscriber', keptSession(context.version))
  await returned.expectNothing()
})

spec('an acknowledgement of an unknown message is ignored', ALL, async context => {
  const [subscriber, publisher] = await pair(context, 'clean')
  subscriber.send({ cmd: 'puback', messageId: 500 }, { cmd: 'pubcomp', messageId: 501 })
  await subscriber.expectNothing()
  publishAll(publisher, 'a', 1, 'x')
  const { messageId } = await nextMessage(subscriber, 1)
  subscriber.send({ cmd: 'puback', messageId }, { cmd: 'puback', messageId })
  await subscriber.expectNothing()
})

spec(
  '[5.0 MQTT-4.3.3-4] [5.0 MQTT-3.6.2-1] a PUBREC for an unknown packet id is answered with PUBREL 0x92',
  [5],
  async context => {
    const [subscriber] = await pair(context, 'clean')
    subscriber.send({ cmd: 'pubrec', messageId: 500 })
    const { messageId, reasonCode } = await subscriber.expect('pubrel')
    assert.deepEqual([messageId, reasonCode], [500, 0x92])
    subscriber.send({ cmd: 'pubcomp', messageId: 500, reasonCode: 0x92 })
    await subscriber.expectNothing()
  },
)

spec(
  '[5.0 MQTT-4.3.3-4] a PUBREC with 0x80 or above is not answered, even for an unknown packet id',
  [5],
  async context => {
    const subscriber = await context.connect('subscriber')
    subscriber.send({ cmd: 'pubrec', messageId: 500, reasonCode: 0x80 })
    await subscriber.expectNothing()
  },
)

spec('[3.1.1 MQTT-4.3.3-1] a PUBREC for an unknown packet id is answered with PUBREL', [3, 4], async context => {
  const [subscriber] = await pair(context, 'clean')
  subscriber.send({ cmd: 'pubrec', messageId: 500 })
  assert.equal((await subscriber.expect('pubrel')).messageId, 500)
})

spec('a repeated PUBREC is answered with PUBREL again', ALL, async context => {
  const [subscriber, publisher] = await pair(context, 'kept')
  publishAll(publisher, 'a', 2, 'x')
  const { messageId } = await nextMessage(subscriber, 2)
  subscriber.send({ cmd: 'pubrec', messageId }, { cmd: 'pubrec', messageId })
  assert.equal((await subscriber.expect('pubrel')).messageId, messageId)
  assert.equal((await subscriber.expect('pubrel')).messageId, messageId)
  subscriber.send({ cmd: 'pubcomp', messageId })
  await subscriber.expectNothing()
})

for (const [answer, qos] of [
  ['puback', 2],
  ['pubcomp', 2],
  ['pubrec', 1],
  ['pubcomp', 1],
] as const) {
  spec(
    `${answer.toUpperCase()} instead of what a QoS ${qos} message awaits is a protocol error`,
    ALL,
    async context => {
      const [subscriber, publisher] = await pair(context, 'clean')
      publishAll(publisher, 'a', qos, 'x')
      const { messageId } = await nextMessage(subscriber, qos)
      subscriber.send({ cmd: answer, messageId })
      await subscriber.expectDisconnect(0x82)
    },
  )
}

spec(
  '[5.0 MQTT-4.4.0-2] PUBACK and PUBREC with 0x80 or above complete the message and free its packet id',
  [5],
  async context => {
    const [subscriber, publisher] = await pair(context, 'kept')
    for (const [qos, cmd, reasonCode] of [
      [1, 'puback', 0x80],
      [1, 'puback', 0x97],
      [2, 'pubrec', 0x83],
      [2, 'pubrec', 0x99],
    ] as const) {
      await publisher.publish({ topic: 'a', qos })
      const { messageId } = await nextMessage(subscriber, qos)
      subscriber.send({ cmd, messageId, reasonCode })
      assert.deepEqual(await subscriber.settle(), [])
    }
    await subscriber.drop()
    const returned = await context.connect('subscriber', keptSession(5))
    await returned.expectNothing()
  },
)

for (const [cmd, clause] of [
  ['puback', '[5.0 MQTT-3.4.2-1]'],
  ['pubrec', '[5.0 MQTT-3.5.2-1]'],
  ['pubrel', '[5.0 MQTT-3.6.2-1]'],
  ['pubcomp', '[5.0 MQTT-3.7.2-1]'],
] as const) {
  spec(`${clause} a reason code that ${cmd.toUpperCase()} must not have ends the connection`, [5], async context => {
    const first = { puback: '40', pubrec: '50', pubrel: '62', pubcomp: '70' }[cmd]
    const wrong = cmd === 'puback' || cmd === 'pubrec' ? ['01', '92', '93', 'ff'] : ['10', '80', '91', 'ff']
    for (const code of wrong) {
      const client = await context.connect('client')
      client.sendBytes(`${first} 03 0001 ${code}`)
      await client.expectDisconnect(0x82)
    }
  })
}

spec('the event `ack` is emitted at PUBACK and at PUBCOMP', ALL, async context => {
  const [subscriber, publisher] = await pair(context, 'clean')
  publishAll(publisher, 'a', 1, 'one')
  const acked = once(context.broker, 'ack')
  await acknowledge(subscriber, await nextMessage(subscriber, 1))
  const [packet, client] = await acked
  assert.equal(packet.payload.toString(), 'one')
  assert.equal(client.id, 'subscriber')
  publishAll(publisher, 'a', 2, 'two')
  const completed = once(context.broker, 'ack')
  await acknowledge(subscriber, await nextMessage(subscriber, 2))
  assert.equal((await completed)[1].id, 'subscriber')
})

spec(
  '[3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1] a message is added to the session of every client with a matching subscription',
  ALL,
  async ({ connect, version }) => {
    const filters = ['a/b', 'a/+', '#', '+/b', 'a/b/#']
    for (const filter of filters) {
      const client = await connect(filter, keptSession(version))
      await client.subscribe({ topic: filter, qos: 1 })
      if (filter !== '#') await client.disconnect()
    }
    const other = await connect('other', keptSession(version))
    await other.subscribe({ topic: 'a/c', qos: 1 })
    await (await connect('publisher')).publish({ topic: 'a/b', qos: 1, payload: Buffer.from('x') })
    for (const filter of filters) {
      assert.deepEqual(texts(await receive(await connect(filter, keptSession(version)), 1)), ['x'])
    }
    await other.expectNothing()
  },
)
