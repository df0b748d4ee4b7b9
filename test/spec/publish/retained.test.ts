/** Retained messages (3.3.1.3): what is kept per topic, and what new and existing subscribers get. */
import assert from 'node:assert/strict'
import { acknowledge, nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const text = (value: string) => Buffer.from(value)

for (const qos of [0, 1, 2] as const) {
  spec(
    '[3.1.1 MQTT-3.3.1-5] [5.0 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8]' +
      ` a retained QoS ${qos} message is stored with its QoS and sent with RETAIN to a later subscriber`,
    ALL,
    async ({ connect }) => {
      const publisher = await connect('publisher')
      await publisher.publish({ topic: 'a/b', qos, retain: true, payload: text('kept') })
      await publisher.settle()
      for (const granted of [0, 1, 2] as const) {
        const late = await connect(`late-${granted}`)
        assert.deepEqual(await late.subscribe({ topic: 'a/+', qos: granted }), [granted])
        const message = await nextMessage(late, Math.min(qos, granted) as 0 | 1 | 2)
        await acknowledge(late, message)
        assert.deepEqual(
          [message.topic, message.payload.toString(), message.retain, message.dup],
          ['a/b', 'kept', true, false],
        )
        await late.expectNothing()
      }
    },
  )

  spec(
    '[3.1.1 MQTT-3.3.1-5] [5.0 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-7]' +
      ` a retained QoS ${qos} message replaces the previous one`,
    ALL,
    async ({ connect }) => {
      const publisher = await connect('publisher')
      await publisher.publish({ topic: 'a', qos: 1, retain: true, payload: text('old') })
      await publisher.publish({ topic: 'a', qos, retain: true, payload: text('new') })
      await publisher.settle()
      const late = await connect('late')
      await late.subscribe({ topic: '#', qos: 2 })
      const [message] = await receive(late, 1)
      assert.deepEqual([message!.payload.toString(), message!.qos], ['new', qos])
      await late.expectNothing()
    },
  )

  spec(
    '[3.1.1 MQTT-3.3.1-10] [3.1.1 MQTT-3.3.1-11] [5.0 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-7]' +
      ` an empty retained QoS ${qos} message is delivered as usual and removes the stored one`,
    ALL,
    async ({ connect }) => {
      const present = await connect('present')
      await present.subscribe({ topic: 'a', qos: 2 })
      const publisher = await connect('publisher')
      await publisher.publish({ topic: 'a', qos: 1, retain: true, payload: text('kept') })
      await publisher.publish({ topic: 'a', qos, retain: true })
      await publisher.settle()
      const messages = await receive(present, 2)
      assert.deepEqual(texts(messages), ['kept', ''])
      assert.equal(messages[1]!.retain, false)
      const late = await connect('late')
      await late.subscribe({ topic: '#', qos: 1 })
      await late.expectNothing()
    },
  )

  spec(
    `[3.1.1 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-8] a QoS ${qos} message without RETAIN does not change the retained message`,
    ALL,
    async ({ connect }) => {
      const publisher = await connect('publisher')
      await publisher.publish({ topic: 'a', qos: 1, retain: true, payload: text('kept') })
      await publisher.publish({ topic: 'a', qos, payload: text('passing') })
      await publisher.publish({ topic: 'a', qos, payload: Buffer.alloc(0) })
      await publisher.publish({ topic: 'b', qos, payload: text('never kept') })
      await publisher.settle()
      const late = await connect('late')
      await late.subscribe({ topic: '#', qos: 1 })
      assert.deepEqual(texts(await receive(late, 1)), ['kept'])
      await late.expectNothing()
    },
  )
}

spec('[3.1.1 MQTT-3.3.1-11] [5.0 MQTT-3.3.1-7] an empty retained message is not stored', ALL, async ({ connect }) => {
  const publisher = await connect('publisher')
  await publisher.publish({ topic: 'a', qos: 1, retain: true })
  const late = await connect('late')
  await late.subscribe({ topic: '#', qos: 1 })
  await late.expectNothing()
})

spec(
  '[3.1.1 MQTT-3.3.1-9] [5.0 MQTT-3.3.1-12] an established subscription gets messages without RETAIN',
  ALL,
  async ({ connect, version }) => {
    const present = await connect('present')
    await present.subscribe({ topic: 'a', qos: 1 })
    const away = await connect('away', keptSession(version))
    await away.subscribe({ topic: 'a', qos: 1 })
    await away.disconnect()
    await (await connect('publisher')).publish({ topic: 'a', qos: 1, retain: true, payload: text('x') })
    assert.equal((await receive(present, 1))[0]!.retain, false)
    assert.equal((await receive(await connect('away', keptSession(version)), 1))[0]!.retain, false)
  },
)

spec(
  '[5.0 MQTT-3.3.1-13] Retain As Published keeps the RETAIN flag, for connected and disconnected sessions',
  [5],
  async ({ connect }) => {
    const present = await connect('present')
    await present.subscribe({ topic: 'a', qos: 1, rap: true })
    const away = await connect('away', keptSession(5))
    await away.subscribe({ topic: 'a', qos: 1, rap: true })
    await away.disconnect()
    const publisher = await connect('publisher')
    for (const retain of [true, false]) await publisher.publish({ topic: 'a', qos: 1, retain, payload: text('x') })
    for (const client of [present, await connect('away', keptSession(5))]) {
      assert.deepEqual(
        (await receive(client, 2)).map(({ retain }) => retain),
        [true, false],
      )
    }
  },
)

spec(
  '[5.0 MQTT-3.3.1-9] Retain Handling 0 sends the retained messages at every SUBSCRIBE',
  [5],
  async ({ connect }) => {
    await (await connect('publisher')).publish({ topic: 'a', qos: 1, retain: true, payload: text('kept') })
    const client = await connect('client')
    for (let i = 0; i < 3; i++) {
      await client.subscribe({ topic: 'a', qos: 1, rh: 0, rap: i === 1 })
      const [message] = await receive(client, 1)
      assert.deepEqual([message!.payload.toString(), message!.retain], ['kept', true])
      await client.expectNothing()
    }
  },
)

spec('[5.0 MQTT-3.3.1-10] Retain Handling 1 sends them to a new subscription only', [5], async ({ connect }) => {
  await (await connect('publisher')).publish({ topic: 'a', qos: 1, retain: true, payload: text('kept') })
  const client = await connect('client', keptSession(5))
  await client.subscribe({ topic: 'a', qos: 1, rh: 1 })
  assert.deepEqual(texts(await receive(client, 1)), ['kept'])
  await client.subscribe({ topic: 'a', qos: 1, rh: 1 })
  await client.expectNothing()
  await client.disconnect()
  const returned = await connect('client', keptSession(5))
  await returned.subscribe({ topic: 'a', qos: 1, rh: 1 })
  await returned.expectNothing()
  returned.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] })
  await returned.expect('unsuback')
  await returned.subscribe({ topic: 'a', qos: 1, rh: 1 })
  assert.deepEqual(texts(await receive(returned, 1)), ['kept'])
})

spec('[5.0 MQTT-3.3.1-11] Retain Handling 2 sends none', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  await publisher.publish({ topic: 'a', qos: 1, retain: true, payload: text('kept') })
  const client = await connect('client')
  await client.subscribe({ topic: 'a', qos: 1, rh: 2 })
  await client.expectNothing()
  await publisher.publish({ topic: 'a', qos: 1, payload: text('live') })
  assert.deepEqual(texts(await receive(client, 1)), ['live'])
})

spec(
  '[3.1.1 MQTT-3.3.1-6] a new subscription gets the retained message of each matching topic, once per filter',
  ALL,
  async ({ connect }) => {
    const publisher = await connect('publisher')
    for (const topic of ['a', 'a/b', 'a/b/c', 'x', '$internal']) {
      await publisher.publish({ topic, qos: 1, retain: true, payload: text(topic) })
    }
    const client = await connect('client')
    await client.subscribe({ topic: 'a/#', qos: 1 }, { topic: '+', qos: 0 })
    const messages = await receive(client, 5)
    assert.deepEqual(texts(messages).sort(), ['a', 'a', 'a/b', 'a/b/c', 'x'])
    assert(messages.every(({ retain }) => retain))
    await client.expectNothing()
  },
)

spec('retained messages come after SUBACK and before live messages', ALL, async ({ connect }) => {
  const publisher = await connect('publisher')
  for (let i = 0; i < 20; i++) await publisher.publish({ topic: `a/${i}`, qos: 1, retain: true, payload: text('kept') })
  const client = await connect('client')
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/+', qos: 1 }] })
  await client.expect('suback')
  assert.equal(texts(await receive(client, 20)).length, 20)
})

spec(
  'a retained message sent to a stored session stays there until it is acknowledged',
  ALL,
  async ({ connect, version }) => {
    await (await connect('publisher')).publish({ topic: 'a', qos: 1, retain: true, payload: text('kept') })
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 })
    const first = await nextMessage(client, 1)
    await client.drop()
    const returned = await connect('client', keptSession(version))
    const second = await nextMessage(returned, 1)
    assert.deepEqual([second.messageId, second.dup, second.retain], [first.messageId, true, true])
  },
)

spec('a refused retained message is not stored', [5], async ({ broker, connect }) => {
  broker.authorizePublish = () => false
  const publisher = await connect('publisher')
  publisher.send(textPacket('a', 'x', { retain: true }))
  assert.equal(await publisher.publish({ topic: 'a', qos: 2, retain: true, payload: text('x') }), 0x87)
  const late = await connect('late')
  await late.subscribe({ topic: '#', qos: 1 })
  await late.expectNothing()
})

for (const [option, value] of [
  ['maxRetainedMessages', 2],
  ['maxRetainedBytes', 8],
  ['maxRetainedPayload', 4],
] as const) {
  spec(
    `${option}: a message that exceeds the limit is refused with 0x97, unless it fits by replacing another`,
    [5],
    async ({ connect }) => {
      const publisher = await connect('publisher')
      const keep = (topic: string, payload: string) =>
        publisher.publish({ topic, qos: 1, retain: true, payload: text(payload) })
      assert.equal(await keep('a', '1234'), 0x10)
      assert.equal(await keep('b', '1234'), 0x10)
      assert.equal(await keep('c', '12345'), 0x97)
      assert.equal(await keep('a', '4321'), 0x10)
      assert.equal(await keep('b', ''), 0x10)
      assert.equal(await keep('c', '1234'), 0x10)
      const late = await connect('late')
      await late.subscribe({ topic: '#', qos: 1 })
      assert.deepEqual(texts(await receive(late, 2)).sort(), ['1234', '4321'])
      await late.expectNothing()
    },
    { [option]: value },
  )
}
