/** Message Expiry Interval (3.3.2.3.3): counted down wherever a message waits; an expired message is not delivered. */
import assert from 'node:assert/strict'
import type { Drop } from '../../../types/broker/events.js'
import type { PublishPacket, QoS } from '../../../types/message/packets.js'
import { acknowledge, nextMessage, receive, texts } from '../../support/clients/traffic.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

/** A PUBLISH with this expiry in seconds. */
function mortal(text: string, seconds: number, rest: { topic?: string; qos?: QoS; retain?: boolean } = {}) {
  const properties = { messageExpiryInterval: seconds }
  return { topic: 'a', payload: Buffer.from(text), qos: 1 as QoS, properties, ...rest }
}

function dropsOf({ broker }: Spec): Drop[] {
  const drops: Drop[] = []
  broker.on('drop', drop => drops.push(drop))
  return drops
}

const summary = (drops: Drop[]) =>
  drops.map(({ clientId, message, reason }) => [clientId, message.payload.toString(), reason])
const interval = ({ properties }: PublishPacket) => properties?.messageExpiryInterval

spec('[5.0 MQTT-3.3.2-6] a message that did not wait is sent with its original interval', [5], async ({ connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 1 })
  const publisher = await connect('publisher')
  await publisher.publish(mortal('x', 100))
  assert.equal(interval((await receive(subscriber, 1))[0]!), 100)
  await publisher.publish({ topic: 'a', qos: 1 })
  assert.equal(interval((await receive(subscriber, 1))[0]!), undefined)
})

spec(
  '[5.0 MQTT-3.3.2-6] the interval is reduced by the time in the queue of a disconnected session',
  [5],
  async ({ connect, clock }) => {
    const away = await connect('away', keptSession(5))
    await away.subscribe({ topic: 'a', qos: 2 })
    await away.drop()
    const publisher = await connect('publisher')
    await publisher.publish(mortal('long', 100))
    await publisher.publish(mortal('longer', 4_000_000_000, { qos: 2 }))
    await clock.advance(30_500)
    const messages = await receive(await connect('away', keptSession(5)), 2)
    assert.deepEqual(messages.map(interval), [70, 3_999_999_970])
  },
)

spec(
  '[5.0 MQTT-3.3.2-6] the interval is reduced by the time for which the message was retained',
  [5],
  async ({ connect, clock }) => {
    await (await connect('publisher')).publish(mortal('x', 100, { retain: true }))
    await clock.advance(40_000)
    const late = await connect('late')
    await late.subscribe({ topic: 'a', qos: 1 })
    assert.equal(interval((await receive(late, 1))[0]!), 60)
  },
)

for (const session of ['clean', 'kept'] as const) {
  spec(
    `[5.0 MQTT-3.3.2-6] the interval is reduced by the time for which the Receive Maximum delayed the message (${session} session)`,
    [5],
    async ({ connect, clock }) => {
      const kept = keptSession(5)
      const properties = { ...(session === 'kept' && kept.properties), receiveMaximum: 1 }
      const subscriber = await connect('subscriber', { clean: session === 'clean', properties })
      await subscriber.subscribe({ topic: 'a', qos: 1 })
      const publisher = await connect('publisher')
      await publisher.publish(mortal('first', 100))
      await publisher.publish(mortal('second', 100))
      const first = await nextMessage(subscriber, 1)
      await clock.advance(25_000)
      await acknowledge(subscriber, first)
      const second = await nextMessage(subscriber, 1)
      assert.deepEqual([interval(first), interval(second)], [100, 75])
    },
  )
}

spec(
  '[5.0 MQTT-3.3.2-5] a message that expires in the queue of a disconnected session is dropped then, and an event reports it',
  [5],
  async context => {
    const { connect, clock } = context
    const drops = dropsOf(context)
    const away = await connect('away', keptSession(5))
    await away.subscribe({ topic: 'a', qos: 2 })
    await away.drop()
    const publisher = await connect('publisher')
    await publisher.publish(mortal('short', 10))
    await publisher.publish(mortal('long', 1000, { qos: 2 }))
    await publisher.publish({ topic: 'a', qos: 1, payload: Buffer.from('eternal') })
    await clock.advance(9_900)
    assert.deepEqual(drops, [])
    await clock.advance(200)
    assert.deepEqual(summary(drops), [['away', 'short', 'expired']])
    assert.deepEqual(texts(await receive(await connect('away', keptSession(5)), 2)), ['long', 'eternal'])
  },
)

spec(
  '[5.0 MQTT-3.3.2-5] each copy expires separately: those delivered in time are not affected',
  [5],
  async context => {
    const { connect, clock } = context
    const drops = dropsOf(context)
    for (const name of ['one', 'two']) {
      const client = await connect(name, keptSession(5))
      await client.subscribe({ topic: 'a', qos: 1 })
      await client.drop()
    }
    await (await connect('publisher')).publish(mortal('x', 10))
    assert.deepEqual(texts(await receive(await connect('one', keptSession(5)), 1)), ['x'])
    await clock.advance(20_000)
    assert.deepEqual(summary(drops), [['two', 'x', 'expired']])
    await (await connect('two', keptSession(5))).expectNothing()
  },
)

for (const session of ['clean', 'kept'] as const) {
  spec(
    `[5.0 MQTT-3.3.2-5] a message that expires while it waits for the client is never delivered (${session} session)`,
    [5],
    async context => {
      const { connect, clock } = context
      const drops = dropsOf(context)
      const properties = { ...(session === 'kept' && keptSession(5).properties), receiveMaximum: 1 }
      const subscriber = await connect('subscriber', { clean: session === 'clean', properties })
      await subscriber.subscribe({ topic: 'a', qos: 1 })
      const publisher = await connect('publisher')
      await publisher.publish(mortal('first', 10))
      await publisher.publish(mortal('stale', 10))
      await publisher.publish(mortal('third', 100))
      const first = await nextMessage(subscriber, 1)
      await clock.advance(10_050)
      await acknowledge(subscriber, first)
      assert.deepEqual(texts(await receive(subscriber, 1)), ['third'])
      await subscriber.expectNothing()
      assert.deepEqual(summary(drops), [['subscriber', 'stale', 'expired']])
    },
  )
}

spec(
  '[5.0 MQTT-3.3.2-5] a retained message is removed when it expires, and an event reports it',
  [5],
  async ({ broker, connect, clock }) => {
    const gone: string[] = []
    broker.on('retainedExpired', message => gone.push(message.payload.toString()))
    const publisher = await connect('publisher')
    await publisher.publish(mortal('short', 10, { retain: true }))
    await publisher.publish(mortal('long', 100, { retain: true, topic: 'b' }))
    await publisher.publish(mortal('instant', 10, { retain: true, topic: 'c', qos: 0 }))
    await publisher.settle()
    await clock.advance(10_100)
    assert.deepEqual(gone.sort(), ['instant', 'short'])
    const late = await connect('late')
    await late.subscribe({ topic: '#', qos: 1 })
    const messages = await receive(late, 1)
    assert.deepEqual([texts(messages), messages.map(interval)], [['long'], [90]])
    await late.expectNothing()
  },
)

spec(
  'maxRetainedExpiry limits how long a message is retained, whatever its publisher says',
  [3, 4, 5],
  async ({ broker, connect, clock, version }) => {
    const gone: string[] = []
    broker.on('retainedExpired', message => gone.push(message.payload.toString()))
    const publisher = await connect('publisher')
    await publisher.publish({ topic: 'a', qos: 1, retain: true, payload: Buffer.from('eternal') })
    if (version === 5) await publisher.publish(mortal('long', 1000, { retain: true, topic: 'b' }))
    await clock.advance(60_100)
    assert.deepEqual(gone, version === 5 ? ['eternal', 'long'] : ['eternal'])
    const late = await connect('late')
    await late.subscribe({ topic: '#', qos: 1 })
    await late.expectNothing()
  },
  { maxRetainedExpiry: 60 },
)

for (const qos of [1, 2] as const) {
  spec(
    `[5.0 MQTT-4.3.3-7] [5.0 MQTT-4.3.3-13] a QoS ${qos} message that was sent no longer expires: it is sent again with an interval of 0`,
    [5],
    async context => {
      const { connect, clock } = context
      const drops = dropsOf(context)
      const subscriber = await connect('subscriber', keptSession(5))
      await subscriber.subscribe({ topic: 'a', qos: 2 })
      await (await connect('publisher')).publish(mortal('x', 10, { qos: qos }))
      await nextMessage(subscriber, qos)
      await subscriber.drop()
      await clock.advance(3000)
      const second = await connect('subscriber', keptSession(5))
      assert.equal(interval(await nextMessage(second, qos)), 7)
      await second.drop()
      await clock.advance(60_000)
      const third = await connect('subscriber', keptSession(5))
      const message = await nextMessage(third, qos)
      assert.deepEqual([message.dup, interval(message)], [true, 0])
      await acknowledge(third, message)
      await third.expectNothing()
      assert.deepEqual(drops, [])
    },
  )
}

spec(
  '[5.0 MQTT-4.3.3-13] the QoS 2 handshake with the publisher is completed even if the message has expired',
  [5],
  async ({ connect, clock }) => {
    const publisher = await connect('publisher', keptSession(5))
    publisher.send({ ...mortal('x', 1, { qos: 2 }), cmd: 'publish', messageId: 7, dup: false, retain: false })
    await publisher.expect('pubrec')
    await clock.advance(60_000)
    publisher.send({ cmd: 'pubrel', messageId: 7 })
    const { messageId, reasonCode = 0 } = await publisher.expect('pubcomp')
    assert.deepEqual([messageId, reasonCode], [7, 0])
  },
)

spec(
  'messages to 3.1 and 3.1.1 subscribers expire too, and are sent without the property',
  [3, 4],
  async ({ connect, clock, version }) => {
    const away = await connect('away', keptSession(version))
    await away.subscribe({ topic: 'a', qos: 1 })
    await away.drop()
    const publisher = await connect('publisher', {}, 5)
    await publisher.publish(mortal('short', 10))
    await publisher.publish(mortal('long', 100))
    await clock.advance(20_000)
    const returned = await connect('away', keptSession(version))
    assert.deepEqual(texts(await receive(returned, 1)), ['long'])
    await returned.expectNothing()
  },
)

spec(
  'messages of the application can have an interval, both from broker.publish and from client.publish',
  [5],
  async ({ broker, connect, clock }) => {
    const subscriber = await connect('subscriber', {
      clean: false,
      properties: { ...keptSession(5).properties, receiveMaximum: 1 },
    })
    await subscriber.subscribe({ topic: 'a', qos: 1 })
    await broker.publish(mortal('first', 10))
    await broker.publish(mortal('stale', 10))
    await broker.clients.subscriber!.publish(mortal('stale too', 10))
    await broker.clients.subscriber!.publish(mortal('last', 100))
    const first = await nextMessage(subscriber, 1)
    assert.equal(interval(first), 10)
    await clock.advance(10_100)
    await acknowledge(subscriber, first)
    const last = await nextMessage(subscriber, 1)
    assert.deepEqual([last.payload.toString(), interval(last)], ['last', 90])
  },
)
