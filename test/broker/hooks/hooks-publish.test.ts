/** authorizePublish, authorizeForward and published: what they change, refuse, withhold and delay. */
import assert from 'node:assert/strict'
import type { Hooks } from '../../../types/broker/hooks.js'
import type { Message } from '../../../types/message/message.js'
import type { PublishPacket } from '../../../types/message/packets.js'
import {
  acknowledge,
  publishText,
  receiveAll,
  receiveTexts,
  textOf,
  textPacket,
} from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

async function pair({ connect }: Spec): Promise<[subscriber: SpecClient, publisher: SpecClient]> {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: '#', qos: 2 })
  return [subscriber, await connect('publisher')]
}

const ACCEPTING: [style: string, hook: Hooks['authorizePublish']][] = [
  ['returns true', () => true],
  ['promises true', async () => true],
  ['calls back', (_client, _packet, callback) => callback(null)],
  ['calls back without an argument', (_client, _packet, callback) => void setImmediate(callback)],
  ['returns the packet', (_, packet) => packet],
]
for (const [style, authorizePublish] of ACCEPTING) {
  spec(
    `a message is published if authorizePublish ${style}`,
    ALL,
    async frame => {
      const [subscriber, publisher] = await pair(frame)
      for (const qos of [0, 1, 2] as const) {
        await publishText(publisher, 'a', 'x', { qos })
        assert.deepEqual(await receiveTexts(subscriber), ['x'])
      }
    },
    { authorizePublish },
  )
}

const REFUSING: [style: string, hook: Hooks['authorizePublish'], reasonCode: number][] = [
  ['returns false', () => false, 0x87],
  ['promises false', async () => false, 0x87],
  ['returns 0x97', () => 0x97, 0x97],
  ['returns a code that PUBACK must not have', () => 0x98, 0x87],
  ['calls back an error', (_client, _packet, callback) => callback(new Error('no')), 0x87],
  [
    'calls back an error with 0x90',
    (_client, _packet, callback) => callback(Object.assign(new Error('no'), { reasonCode: 0x90 })),
    0x90,
  ],
]
spec('a hook that refuses a message may give a Reason String', [5], async ({ broker, connect }) => {
  const client = await connect('c')
  const reason = async () => (await client.expect('puback')).properties?.reasonString
  broker.authorizePublish = () => ({ refuse: 0x97, reasonString: 'enough for today' })
  client.send(textPacket('a', 'x', { qos: 1, messageId: 1 }))
  assert.equal(await reason(), 'enough for today')
  broker.authorizePublish = (_client, _packet, callback) =>
    callback(Object.assign(new Error('for the log'), { reasonString: 'no' }))
  client.send(textPacket('a', 'x', { qos: 1, messageId: 1 }))
  assert.equal(await reason(), 'no')
})

for (const [style, authorizePublish, reasonCode] of REFUSING) {
  spec(
    `[3.1.1 MQTT-3.3.5-2] a message is refused with 0x${reasonCode.toString(16)}, or by closing before 5.0, if authorizePublish ${style}`,
    ALL,
    async frame => {
      const { broker, version } = frame
      const [subscriber, publisher] = await pair(frame)
      const refused: unknown[] = []
      broker.on('publishRefused', (error, packet, client) => refused.push([error.code, packet.topic, client?.id]))
      for (const qos of version === 5 ? ([0, 1, 2] as const) : ([1] as const)) {
        if (version === 5) {
          assert.equal(await publishText(publisher, 'a', 'x', { qos, retain: true }), qos === 0 ? 0 : reasonCode)
        } else {
          publisher.send(textPacket('a', 'x', { qos, messageId: 1, retain: true }))
          assert.deepEqual(await publisher.closed(), [])
        }
        assert.deepEqual(refused.splice(0), [['ANAX_ERR_PUBLISH_REFUSED', 'a', 'publisher']])
      }
      await subscriber.expectNothing()
      await subscriber.subscribe({ topic: 'a', qos: 0 })
      await subscriber.expectNothing()
    },
    { authorizePublish },
  )
}

for (const [how, authorizePublish] of [
  [
    'in place',
    (_client, packet) => {
      Object.assign(packet, { topic: 'b', payload: Buffer.from('changed'), qos: 1, retain: true })
      return true
    },
  ],
  ['in another packet', (_client, packet) => ({ ...packet, topic: 'b', payload: 'changed', qos: 1, retain: true })],
  [
    'in place, called back',
    (_client, packet, callback) => {
      Object.assign(packet, { topic: 'b', payload: Buffer.from('changed'), qos: 1, retain: true })
      setImmediate(callback)
    },
  ],
] as [string, Hooks['authorizePublish']][]) {
  spec(
    `a message that authorizePublish changes ${how} is stored, retained and delivered changed, and acknowledged as the publisher sent it`,
    ALL,
    async frame => {
      const { version, connect } = frame
      await (await stored(frame)).drop()
      const [subscriber, publisher] = await pair(frame)
      for (const qos of [0, 1, 2] as const) {
        assert.equal(await publishText(publisher, 'a', 'original', { qos }), 0)
        const received = await receiveAll(subscriber)
        assert.deepEqual(received.map(summary), [['b', 'changed', 1, false]])
      }
      await subscriber.subscribe({ topic: 'b', qos: 2 })
      assert.deepEqual((await receiveAll(subscriber)).map(summary), [['b', 'changed', 1, true]])
      const again = await connect('stored', keptSession(version))
      assert.deepEqual(await receiveTexts(again), ['changed', 'changed', 'changed'])
    },
    { authorizePublish },
  )
}

function summary(packet: PublishPacket): unknown[] {
  return [packet.topic, textOf(packet), packet.qos, packet.retain]
}

async function stored({ version, connect }: Spec): Promise<SpecClient> {
  const client = await connect('stored', keptSession(version))
  await client.subscribe({ topic: 'b', qos: 2 })
  return client
}

for (const how of ['in place', 'in another packet'] as const) {
  spec(`a message expiry that authorizePublish sets ${how} applies`, [5], async frame => {
    const { broker, clock, connect } = frame
    await (await stored(frame)).drop()
    broker.authorizePublish = (_, packet) => {
      if (how === 'in another packet') return { ...packet, properties: { messageExpiryInterval: 10 } }
      packet.properties = { messageExpiryInterval: 10 }
      return true
    }
    const publisher = await connect('publisher')
    await publishText(publisher, 'b', 'in time', { qos: 1 })
    await clock.advance(4000)
    const again = await connect('stored', keptSession(5))
    const [message] = await receiveAll(again)
    assert.equal(message?.properties?.messageExpiryInterval, 6)
    await again.drop()
    await publishText(publisher, 'b', 'late', { qos: 1, properties: { messageExpiryInterval: 1000 } })
    await clock.advance(11_000)
    await (await connect('stored', keptSession(5))).expectNothing()
  })
}

spec('authorizePublish gets the topic that an alias stands for', [5], async ({ broker, connect }) => {
  const seen: unknown[] = []
  broker.authorizePublish = (client, { topic, properties }) => {
    seen.push([client?.id, topic, properties?.topicAlias])
    return true
  }
  const client = await connect('publisher')
  client.send(
    textPacket('a', '', { properties: { topicAlias: 1 } }),
    textPacket('', '', { properties: { topicAlias: 1 } }),
  )
  await client.expectNothing()
  assert.deepEqual(
    seen.map(row => (row as unknown[]).slice(0, 2)),
    [
      ['publisher', 'a'],
      ['publisher', 'a'],
    ],
  )
})

spec('authorizePublish is not called for messages of the application', ALL, async frame => {
  frame.broker.authorizePublish = () => assert.fail('asked')
  const [subscriber] = await pair(frame)
  await frame.broker.publish({ topic: 'a', payload: 'x' })
  assert.deepEqual(await receiveTexts(subscriber), ['x'])
})

spec('messages of one publisher stay in order, even if the hook takes a different time for each', ALL, async frame => {
  const [subscriber, publisher] = await pair(frame)
  frame.broker.authorizePublish = (_, { payload }) => {
    const turns = Number(payload)
    if (turns === 0) return true
    return new Promise(resolve => later(turns, () => resolve(true)))
  }
  const texts = ['3', '0', '2', '1', '0', '5', '0']
  texts.forEach((text, index) => {
    const qos = (index % 3) as 0 | 1 | 2
    publisher.send(textPacket('a', text, { qos, messageId: index + 1 }))
  })
  await later(10)
  await receiveAll(publisher)
  assert.deepEqual(await receiveTexts(subscriber), texts)
})

/** Some turns of the event loop. */
async function later(turns: number, then = () => {}): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
  then()
}

spec('authorizeForward changes or withholds a message per receiver', ALL, async ({ broker, connect }) => {
  const drops: unknown[] = []
  broker.on('drop', ({ clientId, reason, message }) => drops.push([clientId, reason, message.payload.toString()]))
  broker.authorizeForward = (client, packet) => {
    if (client.id === 'withheld') return null
    packet.payload = Buffer.from(`for ${client.id}`)
    packet.topic = `to/${client.id}`
    return packet
  }
  const receivers: SpecClient[] = []
  for (const id of ['one', 'withheld', 'two']) {
    const client = await connect(id)
    await client.subscribe({ topic: 'a', qos: 2 })
    receivers.push(client)
  }
  const publisher = await connect('publisher')
  for (const qos of [0, 1, 2] as const) {
    await publishText(publisher, 'a', 'x', { qos })
    const received: unknown[] = []
    for (const client of receivers) received.push((await receiveAll(client)).map(summary))
    assert.deepEqual(received, [[['to/one', 'for one', qos, false]], [], [['to/two', 'for two', qos, false]]])
    assert.deepEqual(drops.splice(0), [['withheld', 'not-forwarded', 'x']])
  }
})

spec('each receiver gets a separate copy, with separate properties', [5], async ({ broker, connect }) => {
  broker.authorizeForward = (client, packet) => {
    if (client.id !== 'one') return packet
    packet.properties!.contentType = 'changed'
    packet.properties!.userProperties!.name = 'changed'
    return packet
  }
  const properties = { contentType: 'original', userProperties: { name: 'original' } }
  const receivers: SpecClient[] = []
  for (const id of ['one', 'two']) {
    const client = await connect(id)
    await client.subscribe({ topic: 'a', qos: 0 })
    receivers.push(client)
  }
  await publishText(await connect('publisher'), 'a', 'x', { properties, retain: true })
  const found: unknown[] = []
  for (const client of receivers) {
    const [message] = await receiveAll(client)
    found.push([message?.properties?.contentType, message?.properties?.userProperties?.name])
  }
  assert.deepEqual(found, [
    ['changed', 'changed'],
    ['original', 'original'],
  ])
  const late = await connect('late')
  await late.subscribe({ topic: 'a', qos: 0 })
  assert.equal((await receiveAll(late))[0]?.properties?.contentType, 'original')
})

for (const what of ['retained messages', 'messages that waited', 'messages sent again'] as const) {
  spec(`authorizeForward is also called for ${what}`, ALL, async frame => {
    const { version, broker, connect } = frame
    broker.authorizeForward = (_, packet) => {
      const text = packet.payload.toString()
      return text === 'secret' ? null : { ...packet, payload: Buffer.from(`${text}, checked`) }
    }
    const client = await connect('subscriber', keptSession(version))
    if (what !== 'retained messages') await client.subscribe({ topic: '#', qos: 1 })
    if (what === 'messages that waited') await client.drop()
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', 'secret', { qos: 1, retain: true })
    await publishText(publisher, 'b', 'public', { qos: 1, retain: true })
    if (what === 'retained messages') {
      await client.subscribe({ topic: '#', qos: 1 })
      assert.deepEqual(await receiveTexts(client), ['public, checked'])
      return
    }
    if (what === 'messages sent again') {
      assert.equal(textOf(await client.expect('publish')), 'public, checked')
      await client.drop()
    }
    const again = await connect('subscriber', keptSession(version))
    assert.deepEqual(await receiveTexts(again), ['public, checked'])
    await again.drop()
    await (await connect('subscriber', keptSession(version))).expectNothing()
  })
}

for (const qos of [1, 2] as const) {
  spec(
    `a message in flight that authorizeForward withholds at the next connection is completed without sending it, QoS ${qos}`,
    [5],
    async frame => {
      const { broker, connect } = frame
      const client = await connect('subscriber', keptSession(5))
      await client.subscribe({ topic: 'a', qos })
      const publisher = await connect('publisher')
      await publishText(publisher, 'a', 'x', { qos })
      const { messageId = 0 } = await client.expect('publish')
      await client.drop()
      broker.authorizeForward = () => null
      const again = await connect('subscriber', keptSession(5))
      if (qos === 2) {
        // the client may have it already, and must forget the packet id
        assert.equal((await again.expect('pubrel')).messageId, messageId)
        again.send({ cmd: 'pubcomp', messageId })
      }
      await again.expectNothing()
      broker.authorizeForward = undefined
      await publishText(publisher, 'a', 'y', { qos })
      const next = await again.expect('publish')
      assert.equal(textOf(next), 'y')
      acknowledge(again, next)
    },
  )
}

const HOLDING: [style: string, hook: (held: (() => void)[]) => Hooks['published']][] = [
  ['promises', held => () => new Promise<void>(resolve => held.push(resolve))],
  ['calls back', held => (_packet, _client, callback) => void held.push(() => callback())],
]
for (const [style, hook] of HOLDING) {
  spec(`a published hook that ${style} delays the acknowledgement, but not the message`, ALL, async frame => {
    const { broker } = frame
    const held: (() => void)[] = []
    const [subscriber, publisher] = await pair(frame)
    broker.published = hook(held)
    for (const qos of [1, 2] as const) {
      publisher.send(textPacket('a', 'x', { qos, messageId: 1 }))
      await publisher.expectNothing()
      assert.deepEqual(await receiveTexts(subscriber), ['x'])
      held.shift()!()
      await publisher.expect(qos === 1 ? 'puback' : 'pubrec')
      if (qos === 2) await receiveAll(publisher)
    }
  })
}

spec(
  'published is called with every message and its sender, including messages of the application and wills',
  ALL,
  async ({ broker, connect }) => {
    const told: unknown[] = []
    broker.published = (packet: Message, client) => void told.push([packet.topic, client?.id ?? null])
    const will = { topic: 'will', payload: Buffer.alloc(1), qos: 0, retain: false } as const
    const client = await connect('client', { will })
    await publishText(client, 'live', '', { qos: 2 })
    await broker.publish({ topic: 'host' })
    await client.drop()
    await (await connect('other')).expectNothing()
    assert.deepEqual(told, [
      ['live', 'client'],
      ['host', null],
      ['will', null],
    ])
  },
)

for (const [how, change] of [
  ['deletes it', packet => delete packet.properties!.messageExpiryInterval],
  ['removes all properties', packet => void Object.assign(packet, { properties: undefined })],
  ['answers another packet', ({ topic, payload }) => ({ cmd: 'publish', topic, payload, qos: 1 })],
] as [string, (packet: PublishPacket) => unknown][]) {
  spec(`a message has no expiry if authorizePublish ${how}`, [5], async ({ broker, clock, connect }) => {
    const away = await connect('away', keptSession(5))
    await away.subscribe({ topic: 'a', qos: 1 })
    await away.disconnect()
    broker.authorizePublish = (_, packet) => {
      const other = change(packet)
      return typeof other === 'object' ? (other as PublishPacket) : true
    }
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', 'x', { qos: 1, properties: { messageExpiryInterval: 10 } })
    await clock.advance(60_000)
    const [message] = await receiveAll(await connect('away', keptSession(5)))
    assert.equal(message?.payload.toString(), 'x')
    assert.equal(message?.properties?.messageExpiryInterval, undefined)
  })
}
