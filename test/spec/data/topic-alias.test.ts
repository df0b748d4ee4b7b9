/**
 * Topic aliases (3.3.2.3.4): a client's are resolved up to the broker's limit; the broker's respect the client's limit.
 */
import assert from 'node:assert/strict'
import type { PublishPacket } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, spec } from '../../support/spec.js'

function aliased(topic: string, topicAlias: number, text = topic): PublishPacket {
  return textPacket(topic, text, { properties: { topicAlias } })
}

const topics = (messages: PublishPacket[]) => messages.map(({ topic }) => topic)
const aliases = (messages: PublishPacket[]) => messages.map(({ properties }) => properties?.topicAlias)

async function subscriberOf(filter: string, client: SpecClient): Promise<SpecClient> {
  await client.subscribe({ topic: filter, qos: 2 })
  return client
}

spec(
  '[5.0 MQTT-3.3.2-12] every alias from 1 to the broker’s maximum is accepted, and stands for its topic from then on',
  [5],
  async ({ connect, resume }) => {
    const subscriber = await subscriberOf('#', await connect('subscriber'))
    const { client: publisher, connack } = await resume('publisher')
    assert.equal(connack.properties?.topicAliasMaximum, 3)
    for (const alias of [1, 2, 3]) publisher.send(aliased(`topic/${alias}`, alias))
    for (const alias of [3, 2, 1]) publisher.send(aliased('', alias, 'by alias'))
    const messages = await receive(subscriber, 6)
    assert.deepEqual(topics(messages), ['topic/1', 'topic/2', 'topic/3', 'topic/3', 'topic/2', 'topic/1'])
    assert.deepEqual(aliases(messages), Array(6).fill(undefined), 'the alias of the publisher is not passed on')
  },
  { topicAliasMaximum: 3 },
)

spec('an alias can be given another topic, with any QoS', [5], async ({ connect }) => {
  const subscriber = await subscriberOf('#', await connect('subscriber'))
  const publisher = await connect('publisher')
  publisher.send(
    { ...aliased('first', 1), qos: 2, messageId: 1 },
    { ...aliased('', 1, '-'), qos: 1, messageId: 2 },
    aliased('second', 1),
    { ...aliased('', 1, '-'), qos: 1, messageId: 3 },
  )
  assert.deepEqual(topics(await receive(subscriber, 4)), ['first', 'first', 'second', 'second'])
})

for (const [what, alias, maximum] of [
  ['[5.0 MQTT-3.3.2-8] alias 0', 0, 3],
  ['[5.0 MQTT-3.3.2-9] an alias above the broker’s maximum', 4, 3],
  ['[5.0 MQTT-3.3.2-9] the largest alias', 65_535, 3],
  ['[5.0 MQTT-3.3.2-9] any alias if the broker allows none', 1, 0],
] as const) {
  spec(
    `${what} is answered with 0x94`,
    [5],
    async ({ connect }) => {
      const publisher = await connect('publisher')
      publisher.sendBytes(`30 07 0001 61 03 23 ${alias.toString(16).padStart(4, '0')}`)
      await publisher.expectDisconnect(0x94)
    },
    { topicAliasMaximum: maximum },
  )
}

spec('an alias that was never defined is a protocol error', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.send(aliased('known', 1), aliased('', 2, 'x'))
  await publisher.expectDisconnect(0x82)
})

spec(
  '[5.0 MQTT-3.3.2-7] aliases end with their connection, even if the session is resumed',
  [5],
  async ({ connect }) => {
    const publisher = await connect('publisher', keptSession(5))
    publisher.send(aliased('topic', 1))
    await publisher.settle()
    await publisher.disconnect()
    const returned = await connect('publisher', keptSession(5))
    returned.send(aliased('', 1, 'x'))
    await returned.expectDisconnect(0x82)
  },
)

spec('each client has its own aliases', [5], async ({ connect }) => {
  const one = await connect('one')
  one.send(aliased('topic', 1))
  await one.settle()
  const two = await connect('two')
  two.send(aliased('', 1, 'x'))
  await two.expectDisconnect(0x82)
})

spec('hooks and events see the topic, not the alias', [5], async ({ broker, connect }) => {
  const seen: unknown[] = []
  broker.authorizePublish = (_, { topic, properties }) => {
    seen.push([topic, properties?.topicAlias])
    return true
  }
  broker.on('publish', ({ topic, properties }) => seen.push([topic, properties?.topicAlias]))
  const publisher = await connect('publisher')
  publisher.send(aliased('topic', 1), aliased('', 1, 'x'))
  await publisher.settle()
  assert.deepEqual(seen, Array(4).fill(['topic', undefined]))
})

spec('a PUBLISH that is refused still defines its alias', [5], async ({ broker, connect }) => {
  broker.authorizePublish = (_, { payload }) => payload.toString() !== 'refused'
  const subscriber = await subscriberOf('#', await connect('subscriber'))
  const publisher = await connect('publisher')
  publisher.send(aliased('topic', 1, 'refused'), aliased('', 1, 'x'))
  assert.deepEqual(topics(await receive(subscriber, 1)), ['topic'])
})

spec('a retained message published by alias is stored under its topic', [5], async ({ connect }) => {
  const publisher = await connect('publisher')
  publisher.send(aliased('topic', 1), { ...aliased('', 1, 'kept'), retain: true })
  await publisher.settle()
  const late = await subscriberOf('topic', await connect('late'))
  assert.deepEqual(texts(await receive(late, 1)), ['kept'])
})

spec(
  '[5.0 MQTT-3.3.2-11] [5.0 MQTT-3.3.2-8] the broker’s aliases stay within the maximum of the client',
  [5],
  async ({ broker, connect }) => {
    const subscriber = await subscriberOf('#', await connect('subscriber', { properties: { topicAliasMaximum: 2 } }))
    for (let round = 0; round < 2; round++) {
      for (const topic of ['topic/a', 'topic/b', 'topic/c'])
        await broker.publish({ topic, qos: round as 0 | 1, payload: topic })
    }
    const messages = await receive(subscriber, 6)
    assert.deepEqual(topics(messages), ['topic/a', 'topic/b', 'topic/c', '', '', 'topic/c'])
    assert.deepEqual(aliases(messages), [1, 2, undefined, 1, 2, undefined])
    assert.deepEqual(texts(messages), ['topic/a', 'topic/b', 'topic/c', 'topic/a', 'topic/b', 'topic/c'])
  },
)

spec('[5.0 MQTT-3.3.2-11] a client that allows no aliases gets none', [5], async ({ broker, connect }) => {
  const subscriber = await subscriberOf('#', await connect('subscriber'))
  for (let i = 0; i < 3; i++) await broker.publish({ topic: 'topic', payload: 'x' })
  const messages = await receive(subscriber, 3)
  assert.deepEqual([topics(messages), aliases(messages)], [Array(3).fill('topic'), Array(3).fill(undefined)])
})

spec(
  'the broker uses at most maxOutboundTopicAliases, even if the client allows more',
  [5],
  async ({ broker, connect }) => {
    const subscriber = await subscriberOf(
      '#',
      await connect('subscriber', { properties: { topicAliasMaximum: 65_535 } }),
    )
    for (const topic of ['topic/a', 'topic/b', 'topic/a', 'topic/b']) await broker.publish({ topic })
    assert.deepEqual(aliases(await receive(subscriber, 4)), [1, undefined, 1, undefined])
  },
  { maxOutboundTopicAliases: 1 },
)

spec(
  '[5.0 MQTT-3.3.2-7] the broker’s aliases end with each connection: a message that is sent again has its topic',
  [5],
  async ({ broker, connect }) => {
    const packet = { clean: false, properties: { sessionExpiryInterval: 100, topicAliasMaximum: 5 } }
    const subscriber = await subscriberOf('#', await connect('subscriber', packet))
    for (let i = 0; i < 2; i++) await broker.publish({ topic: 'topic', qos: 1, payload: 'x' })
    assert.deepEqual(topics([await nextMessage(subscriber, 1), await nextMessage(subscriber, 1)]), ['topic', ''])
    await subscriber.drop()
    const returned = await connect('subscriber', packet)
    const messages = [await nextMessage(returned, 1), await nextMessage(returned, 1)]
    assert.deepEqual(
      [topics(messages), aliases(messages)],
      [
        ['topic', ''],
        [1, 1],
      ],
    )
    for (const message of messages) await acknowledge(returned, message)
  },
)

spec('a message that is too large to be sent defines no alias', [5], async ({ broker, connect }) => {
  const properties = { topicAliasMaximum: 5, maximumPacketSize: 100 }
  const subscriber = await subscriberOf('#', await connect('subscriber', { properties }))
  await broker.publish({ topic: 'topic', payload: 'x'.repeat(200) })
  await broker.publish({ topic: 'topic', payload: 'small' })
  const [message] = await receive(subscriber, 1)
  assert.deepEqual([message!.topic, message!.properties?.topicAlias], ['topic', 1])
})

spec('a message that fits only without an alias is sent without one', [5], async ({ broker, connect }) => {
  // 2 + 2 + 5 (topic) + 1 (no properties) + payload; an alias would take 3 more
  const properties = { topicAliasMaximum: 5, maximumPacketSize: 100 }
  const subscriber = await subscriberOf('#', await connect('subscriber', { properties }))
  await broker.publish({ topic: 'topic', payload: 'x'.repeat(90) })
  const [message] = await receive(subscriber, 1)
  assert.deepEqual([message!.topic, message!.properties?.topicAlias], ['topic', undefined])
})
