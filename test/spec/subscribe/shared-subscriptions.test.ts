/** Shared subscriptions: the members, which of them gets a message, and with which options (4.8.2). */
import assert from 'node:assert/strict'
import type { SharedStrategy } from '../../../types/broker/options.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import {
  identifiersOf,
  publishText,
  receiveAll,
  receiveTexts,
  sendWithNul,
  subscribeWith,
  textPacket,
  unsubscribe,
} from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const SHARE = '$share/group/a'

/** Clients that are all subscribed to one filter. */
async function members({ connect }: Spec, count: number, topic = SHARE): Promise<SpecClient[]> {
  const clients: SpecClient[] = []
  for (let i = 0; i < count; i++) {
    const client = await connect(`member-${i}`)
    assert.deepEqual(await client.subscribe({ topic, qos: 2 }), [2])
    clients.push(client)
  }
  return clients
}

/** Publishes `count` messages with the numbers as text. */
async function publishMany(client: SpecClient, count: number, qos: 0 | 1 | 2 = 0): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => String(i))
  for (const text of texts) await publishText(client, 'a', text, { qos })
  return texts
}

function sorted(texts: string[]): string[] {
  return texts.toSorted((a, b) => Number(a) - Number(b))
}

for (const qos of [0, 1, 2] as const) {
  spec(`each message goes to one member, and members take turns, QoS ${qos}`, ALL, async test => {
    const group = await members(test, 3)
    const texts = await publishMany(await test.connect('publisher'), 9, qos)
    const received: string[][] = []
    for (const member of group) received.push(await receiveTexts(member))
    assert.deepEqual(
      received.map(({ length }) => length),
      [3, 3, 3],
    )
    assert.deepEqual(sorted(received.flat()), texts)
  })
}

spec('members of different versions share a group', ALL, async ({ version, connect }) => {
  const others = ([3, 4, 5] as const).filter(other => other !== version)
  const group: SpecClient[] = []
  for (const other of [version, ...others] satisfies ProtocolVersion[]) {
    const member = await connect(`member-${other}`, {}, other)
    await member.subscribe({ topic: SHARE, qos: 1 })
    group.push(member)
  }
  await publishMany(await connect('publisher'), 6, 1)
  for (const member of group) assert.equal((await receiveAll(member)).length, 2)
})

spec('only the filter after the share name is used for matching', ALL, async ({ connect }) => {
  const client = await connect('member')
  await client.subscribe({ topic: '$share/group/sport/+/score', qos: 0 }, { topic: '$share/group/#', qos: 0 })
  const publisher = await connect('publisher')
  for (const topic of ['sport/tennis/score', '$share/group/sport/tennis/score', '$data/x', 'other']) {
    await publishText(publisher, topic, topic)
  }
  assert.deepEqual(await receiveTexts(client), ['sport/tennis/score', 'sport/tennis/score', 'other'])
})

spec(
  'each group gets its copy, and so do groups of other filters and non-shared subscriptions of the same client',
  ALL,
  async ({ connect }) => {
    const client = await connect('member')
    await client.subscribe(
      { topic: '$share/one/a', qos: 1 },
      { topic: '$share/two/a', qos: 1 },
      { topic: '$share/one/+', qos: 1 },
      { topic: 'a', qos: 1 },
      { topic: '#', qos: 1 },
    )
    await publishText(await connect('publisher'), 'a', 'x', { qos: 1 })
    assert.deepEqual(await receiveTexts(client), ['x', 'x', 'x', 'x'])
  },
)

spec(
  'a stored session gets a separate copy for each shared and non-shared subscription',
  ALL,
  async ({ version, connect }) => {
    const keeping = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 60 } } : { clean: false }
    const client = await connect('member', keeping)
    await client.subscribe({ topic: '$share/one/a', qos: 1 }, { topic: '$share/two/a', qos: 2 }, { topic: 'a', qos: 1 })
    await publishText(await connect('publisher'), 'a', 'x', { qos: 2 })
    const received = await receiveAll(client)
    assert.deepEqual(received.map(({ qos }) => qos).toSorted(), [1, 1, 2])
    await client.drop()
    await (await connect('member', keeping)).expectNothing()
  },
)

spec('[5.0 MQTT-4.8.2-3] a member gets messages with at most the QoS that it was granted', ALL, async ({ connect }) => {
  for (const granted of [0, 1, 2] as const) {
    const client = await connect('member')
    await client.subscribe({ topic: SHARE, qos: granted })
    for (const published of [0, 1, 2] as const) {
      await publishText(await connect('publisher'), 'a', '', { qos: published })
      const received = await receiveAll(client)
      assert.deepEqual(
        received.map(({ qos }) => qos),
        [Math.min(granted, published)],
      )
    }
  }
})

spec('subscribing again changes the options without adding a second membership', ALL, async test => {
  const [first, second] = (await members(test, 2)) as [SpecClient, SpecClient]
  await first.subscribe({ topic: SHARE, qos: 1 })
  await publishMany(await test.connect('publisher'), 4, 2)
  const received = await receiveAll(first)
  assert.deepEqual(
    received.map(({ qos }) => qos),
    [1, 1],
  )
  assert.equal((await receiveAll(second)).length, 2)
})

spec('a shared subscription gets no retained messages, whatever its Retain Handling', ALL, async ({ connect }) => {
  const publisher = await connect('publisher')
  for (const topic of ['a', '$share/group-0/a']) await publishText(publisher, topic, 'kept', { retain: true, qos: 1 })
  const client = await connect('member')
  for (const rh of [0, 1, 2] as const) {
    await client.subscribe({ topic: `$share/group-${rh}/a`, qos: 1, rh })
    await client.expectNothing()
  }
})

spec('[5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13] Retain As Published applies to members too', [5], async ({ connect }) => {
  for (const rap of [false, true]) {
    const client = await connect('member')
    await client.subscribe({ topic: SHARE, qos: 1, rap })
    await publishText(await connect('publisher'), 'a', 'kept', { retain: true, qos: 1 })
    const received = await receiveAll(client)
    assert.deepEqual(
      received.map(({ retain }) => retain),
      [rap],
    )
  }
})

spec(
  '[5.0 MQTT-3.8.3-4] No Local on a shared subscription is a protocol error, even among other filters',
  [5],
  async ({ connect }) => {
    const client = await connect('member')
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'a', qos: 0, nl: true },
        { topic: SHARE, qos: 0, nl: true },
      ],
    })
    await client.expectDisconnect(0x82)
  },
)

spec('a member gets its own messages when its turn comes', ALL, async ({ connect }) => {
  const client = await connect('member')
  await client.subscribe({ topic: SHARE, qos: 0 })
  client.send(textPacket('a', 'own'))
  assert.deepEqual(await receiveTexts(client), ['own'])
})

for (const [clause, filters] of [
  ['[5.0 MQTT-4.8.2-1]', ['$share//a', '$share/', '$share//']],
  [
    '[5.0 MQTT-4.8.2-2]',
    ['$share/group', '$share/group/', '$share/gr+up/a', '$share/group#/a', '$share/#/a', '$share/+/a'],
  ],
  ['[5.0 MQTT-4.8.2-2]', ['$share/group/a#', '$share/group/a+', '$share/group/#/a', '$share/gr~up/a']],
] as const) {
  for (const topic of filters) {
    spec(`${clause} SUBSCRIBE and UNSUBSCRIBE of ${topic} are malformed`, ALL, async ({ connect }) => {
      const subscriber = await connect('subscriber')
      sendWithNul(subscriber, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] })
      await subscriber.expectDisconnect(0x81)
      const unsubscriber = await connect('unsubscriber')
      sendWithNul(unsubscriber, { cmd: 'unsubscribe', messageId: 1, unsubscriptions: [topic] })
      await unsubscriber.expectDisconnect(0x81)
    })
  }
}

spec('[5.0 MQTT-4.8.2-1] filters that only begin like $share/ are not shared', ALL, async ({ connect }) => {
  const clients: SpecClient[] = []
  for (const id of ['one', 'two']) {
    const client = await connect(id)
    await client.subscribe({ topic: '$share', qos: 0 }, { topic: '$shared/a', qos: 0 }, { topic: '$SHARE/a/b', qos: 0 })
    clients.push(client)
  }
  const publisher = await connect('publisher')
  for (const topic of ['$share', '$shared/a', '$SHARE/a/b']) await publishText(publisher, topic, topic)
  for (const client of clients) assert.deepEqual(await receiveTexts(client), ['$share', '$shared/a', '$SHARE/a/b'])
})

spec(
  '[5.0 MQTT-3.3.4-5] a copy has the identifier of only the shared subscription that it came for',
  [5],
  async ({ connect }) => {
    for (const keeping of [{}, { clean: false, properties: { sessionExpiryInterval: 60 } }]) {
      const client = await connect('member', keeping)
      await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: '$share/one/a', qos: 1 })
      await subscribeWith(client, { subscriptionIdentifier: 2 }, { topic: '$share/two/+', qos: 1 })
      await subscribeWith(client, { subscriptionIdentifier: 3 }, { topic: 'a', qos: 1 })
      await client.subscribe({ topic: '$share/none/a', qos: 1 })
      for (const qos of [0, 1] as const) {
        await publishText(await connect('publisher'), 'a', '', { qos })
        const received = await receiveAll(client)
        assert.deepEqual(received.map(packet => identifiersOf(packet).join()).toSorted(), ['', '1', '2', '3'])
      }
    }
  },
)

spec('each member has its own subscription identifier', [5], async ({ connect }) => {
  const group: SpecClient[] = []
  for (const subscriptionIdentifier of [1, 2]) {
    const member = await connect(`member-${subscriptionIdentifier}`)
    await subscribeWith(member, { subscriptionIdentifier }, { topic: SHARE, qos: 1 })
    group.push(member)
  }
  await publishMany(await connect('publisher'), 4, 1)
  assert.deepEqual((await receiveAll(group[0]!)).map(identifiersOf), [[1], [1]])
  assert.deepEqual((await receiveAll(group[1]!)).map(identifiersOf), [[2], [2]])
})

spec(
  '[3.1.1 MQTT-3.10.4-1] [5.0 MQTT-3.10.4-1] only UNSUBSCRIBE of the whole $share filter ends a membership',
  ALL,
  async test => {
    const { version, connect } = test
    const [leaving, staying] = (await members(test, 2)) as [SpecClient, SpecClient]
    const codes = (...expected: number[]) => (version === 5 ? expected : [])
    assert.deepEqual(await unsubscribe(leaving, 'a', '$share/other/a', '$share/group/+'), codes(0x11, 0x11, 0x11))
    const publisher = await connect('publisher')
    await publishMany(publisher, 2)
    assert.equal((await receiveAll(leaving)).length, 1)
    assert.equal((await receiveAll(staying)).length, 1)
    assert.deepEqual(await unsubscribe(leaving, SHARE), codes(0))
    await publishMany(publisher, 2)
    await leaving.expectNothing()
    assert.equal((await receiveAll(staying)).length, 2)
    await unsubscribe(staying, SHARE)
    assert.equal(await publishText(publisher, 'a', '', { qos: 1 }), version === 5 ? 0x10 : 0)
    await staying.expectNothing()
  },
)

/** Declares a test of a strategy. */
function strategy(sharedStrategy: SharedStrategy, title: string, body: (test: Spec) => Promise<void>): void {
  spec(`${sharedStrategy}: ${title}`, ALL, body, { sharedStrategy })
}

strategy('random', 'every message goes to one member, and every member gets some', async test => {
  const group = await members(test, 2)
  const texts = await publishMany(await test.connect('publisher'), 60)
  const received: string[][] = []
  for (const member of group) received.push(await receiveTexts(member))
  assert.deepEqual(sorted(received.flat()), texts)
  for (const { length } of received) assert.ok(length > 0 && length < texts.length)
})

strategy('sticky', 'all messages of a publisher go to one member, until that one leaves', async test => {
  const group = await members(test, 4)
  const counts = new Map<string, number>()
  for (let i = 0; i < 12; i++) {
    const publisher = await test.connect(`publisher-${i}`)
    const texts = await publishMany(publisher, 5)
    for (const [index, member] of group.entries()) {
      const received = await receiveTexts(member)
      if (received.length === 0) continue
      assert.deepEqual(received, texts)
      counts.set(String(index), (counts.get(String(index)) ?? 0) + 1)
    }
  }
  assert.ok(counts.size > 1, 'the publishers are spread over the members')
  assert.equal(
    [...counts.values()].reduce((sum, count) => sum + count, 0),
    12,
  )
  for (const member of group.slice(1)) await member.disconnect()
  const texts = await publishMany(await test.connect('publisher-0'), 5)
  assert.deepEqual(await receiveTexts(group[0]!), texts)
})

strategy('least-inflight', 'a member that does not acknowledge gets less', async test => {
  const [slow, fast] = (await members(test, 2)) as [SpecClient, SpecClient]
  const publisher = await test.connect('publisher')
  await publishMany(publisher, 2, 1)
  const [unacknowledged] = await slow.settle()
  assert.equal(unacknowledged?.cmd, 'publish')
  assert.equal((await receiveAll(fast)).length, 1)
  for (let i = 0; i < 5; i++) {
    await publishMany(publisher, 1, 1)
    assert.equal((await receiveAll(fast)).length, 1)
  }
  await slow.expectNothing()
})

spec(
  'a message that is too large for the chosen member is dropped, and an event reports it',
  [5],
  async ({ broker, connect }) => {
    const drops: string[] = []
    broker.on('drop', ({ clientId, reason }) => drops.push(`${clientId} ${reason}`))
    const small = await connect('small', { properties: { maximumPacketSize: 50 } })
    await small.subscribe({ topic: SHARE, qos: 1 })
    await publishText(await connect('publisher'), 'a', 'x'.repeat(100), { qos: 1 })
    await small.expectNothing()
    assert.deepEqual(drops, ['small packet-too-large'])
  },
)
