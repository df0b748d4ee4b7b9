/**
 * authorizeSubscribe: the returned subscription is the one that is granted, stored, routed and used for retained
 * messages.
 */
import assert from 'node:assert/strict'
import type { Hooks } from '../../../types/broker/hooks.js'
import type { Subscription } from '../../../types/message/packets.js'
import {
  identifiersOf,
  publishText,
  receiveAll,
  receiveTexts,
  subscribeWith,
  unsubscribe,
} from '../../support/clients/exchange.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

type Gate = NonNullable<Hooks['authorizeSubscribe']>

/** One decision in every style. */
function styles(decide: (subscription: Subscription) => Subscription | null): [style: string, gate: Gate][] {
  return [
    ['returned', (_, subscription) => decide(subscription)],
    ['promised', async (_, subscription) => decide(subscription)],
    ['called back', (_client, subscription, callback) => callback(null, decide(subscription))],
    ['called back later', (_client, subscription, callback) => void setImmediate(callback, null, decide(subscription))],
  ]
}

for (const [style, authorizeSubscribe] of [
  ...styles(subscription => subscription),
  ['returned as true', () => true] as [string, Gate],
]) {
  spec(
    `the requested subscription is granted, ${style}`,
    ALL,
    async ({ connect }) => {
      const client = await connect('subscriber')
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 2 }, { topic: 'b', qos: 0 }), [2, 0])
      await publishText(await connect('publisher'), 'a', 'x', { qos: 1 })
      assert.deepEqual(await receiveTexts(client), ['x'])
    },
    { authorizeSubscribe },
  )
}

const REFUSING: [style: string, gate: Gate, reasonCode: number][] = [
  ...styles(() => null).map(([style, gate]): [string, Gate, number] => [`null ${style}`, gate, 0x87]),
  ['false', () => false, 0x87],
  ['0x97', () => 0x97, 0x97],
  ['a code that SUBACK must not have', () => 0x99, 0x87],
  ['a wrong filter', () => ({ topic: 'a#', qos: 0 }), 0x87],
  ['a wrong QoS', () => ({ topic: 'a', qos: 3 as never }), 0x87],
  ['an error', (_client, _subscription, callback) => callback(new Error('no')), 0x87],
  [
    'an error with 0x8F',
    (_client, _subscription, callback) => callback(Object.assign(new Error('no'), { reasonCode: 0x8f })),
    0x8f,
  ],
]
for (const [style, authorizeSubscribe, reasonCode] of REFUSING) {
  spec(
    `a filter refused by ${style} gets 0x${reasonCode.toString(16)}, or 0x80 before 5.0, and no messages`,
    ALL,
    async ({ version, broker, connect }) => {
      const publisher = await connect('publisher')
      await publishText(publisher, 'a', 'retained', { qos: 1, retain: true })
      const client = await connect('subscriber', keptSession(version))
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }), [version === 5 ? reasonCode : 0x80])
      await publishText(publisher, 'a', 'live', { qos: 1 })
      await client.expectNothing()
      assert.deepEqual([...broker.clients.subscriber!.subscriptions.keys()], [])
      await client.drop()
      await publishText(publisher, 'a', 'away', { qos: 1 })
      broker.authorizeSubscribe = undefined
      const again = await connect('subscriber', keptSession(version))
      await again.expectNothing()
      assert.deepEqual([...broker.clients.subscriber!.subscriptions.keys()], [])
    },
    { authorizeSubscribe },
  )
}

spec(
  'a refusal does not change an existing subscription to the same filter',
  ALL,
  async ({ version, broker, connect }) => {
    const client = await connect('subscriber', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 })
    broker.authorizeSubscribe = () => false
    await client.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', '', { qos: 2 })
    const received = await receiveAll(client)
    assert.deepEqual(
      received.map(({ qos }) => qos),
      [1],
    )
  },
)

for (const [style, authorizeSubscribe] of styles(subscription => ({ ...subscription, qos: 0 }))) {
  spec(
    `a lower QoS, ${style}, is in SUBACK and used for delivery`,
    ALL,
    async ({ version, connect }) => {
      const publisher = await connect('publisher')
      await publishText(publisher, 'a', 'retained', { qos: 2, retain: true })
      const client = await connect('subscriber', keptSession(version))
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 2 }), [0])
      await publishText(publisher, 'a', 'live', { qos: 2 })
      const received = await receiveAll(client)
      assert.deepEqual(
        received.map(({ payload, qos }) => [payload.toString(), qos]),
        [
          ['retained', 0],
          ['live', 0],
        ],
      )
      await client.drop()
      await publishText(publisher, 'a', 'away', { qos: 2 })
      await (await connect('subscriber', keptSession(version))).expectNothing()
    },
    { authorizeSubscribe },
  )
}

for (const [style, authorizeSubscribe] of styles(({ topic, ...rest }) => ({ topic: `tenant/${topic}`, ...rest }))) {
  spec(
    `another filter, ${style}, is used for retained, live and queued messages, and for UNSUBSCRIBE`,
    ALL,
    async frame => {
      const { version, broker, connect } = frame
      const publisher = await connect('publisher')
      for (const topic of ['a', 'tenant/a']) await publishText(publisher, topic, `r ${topic}`, { qos: 1, retain: true })
      const client = await connect('subscriber', keptSession(version))
      const told: string[] = []
      broker.on('subscribe', subscriptions => told.push(...subscriptions.map(({ topic }) => topic)))
      await client.subscribe({ topic: 'a', qos: 1 })
      assert.deepEqual(told, ['tenant/a'])
      await publishBoth(frame)
      assert.deepEqual(await receiveTexts(client), ['r tenant/a', 'tenant/a'])
      assert.deepEqual([...broker.clients.subscriber!.subscriptions.keys()], ['tenant/a'])
      await client.drop()
      await publishBoth(frame)
      broker.authorizeSubscribe = undefined
      const again = await connect('subscriber', keptSession(version))
      assert.deepEqual(await receiveTexts(again), ['tenant/a'])
      await unsubscribe(again, 'tenant/a')
      await publishBoth(frame)
      await again.expectNothing()
    },
    { authorizeSubscribe },
  )
}

async function publishBoth({ connect }: Spec): Promise<void> {
  const publisher = await connect('publisher')
  for (const topic of ['a', 'tenant/a']) await publishText(publisher, topic, topic, { qos: 1 })
}

spec(
  'authorizeSubscribe is called again when a stored session is resumed',
  ALL,
  async ({ version, broker, connect }) => {
    const client = await connect('subscriber', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 }, { topic: 'b', qos: 2 }, { topic: 'c', qos: 2 })
    await client.drop()
    const asked: string[] = []
    broker.authorizeSubscribe = async (_, subscription) => {
      asked.push(subscription.topic)
      if (subscription.topic === 'a') return false
      return subscription.topic === 'b' ? { ...subscription, qos: 1 } : subscription
    }
    const again = await connect('subscriber', keptSession(version))
    assert.deepEqual(asked, ['a', 'b', 'c'])
    const publisher = await connect('publisher')
    for (const topic of ['a', 'b', 'c']) await publishText(publisher, topic, topic, { qos: 2 })
    const live = (await receiveAll(again)).map(({ topic, qos }) => [topic, qos])
    await again.drop()
    for (const topic of ['a', 'b', 'c']) await publishText(publisher, topic, topic, { qos: 2 })
    broker.authorizeSubscribe = undefined
    const third = await connect('subscriber', keptSession(version))
    const away = (await receiveAll(third)).map(({ topic, qos }) => [topic, qos])
    const granted = [
      ['b', 1],
      ['c', 2],
    ]
    assert.deepEqual({ live, away }, { live: granted, away: granted })
  },
)

spec(
  'a filter that the hook grants instead, when a session is resumed, replaces the old one',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('subscriber', keptSession(5))
    await subscribeWith(client, { subscriptionIdentifier: 7 }, { topic: 'a', qos: 1 })
    await client.drop()
    broker.authorizeSubscribe = (_, subscription) => ({ ...subscription, topic: 'b' })
    const again = await connect('subscriber', keptSession(5))
    await again.drop()
    broker.authorizeSubscribe = undefined
    const publisher = await connect('publisher')
    for (const topic of ['a', 'b']) await publishText(publisher, topic, topic, { qos: 1 })
    const third = await connect('subscriber', keptSession(5))
    const received = await receiveAll(third)
    assert.deepEqual(
      received.map(packet => [packet.topic, identifiersOf(packet)]),
      [['b', [7]]],
    )
  },
)

spec(
  'a session whose shared subscription is refused when it is resumed is no longer a member',
  ALL,
  async ({ version, broker, connect }) => {
    const client = await connect('member', keptSession(version))
    await client.subscribe({ topic: '$share/group/a', qos: 1 })
    await client.drop()
    broker.authorizeSubscribe = () => false
    const again = await connect('member', keptSession(version))
    const publisher = await connect('publisher')
    assert.equal(await publishText(publisher, 'a', 'x', { qos: 1 }), version === 5 ? 0x10 : 0)
    await again.expectNothing()
    await again.drop()
    broker.authorizeSubscribe = undefined
    await (await connect('member', keptSession(version))).expectNothing()
  },
)

spec('subscription options that the hook leaves out are off', [5], async ({ broker, connect }) => {
  broker.authorizeSubscribe = (_, { topic, qos }) => ({ topic, qos })
  const client = await connect('subscriber')
  await client.subscribe({ topic: 'a', qos: 0, nl: true, rap: true, rh: 2 })
  const subscription = broker.clients.subscriber!.subscriptions.get('a')
  assert.deepEqual([subscription?.nl, subscription?.rap, subscription?.rh], [false, false, 0])
})

spec(
  'messages queued for a filter that is now refused are still delivered, unless authorizeForward withholds them',
  ALL,
  async ({ version, broker, connect }) => {
    for (const [withheld, expected] of [
      [false, ['x']],
      [true, []],
    ] as const) {
      broker.authorizeSubscribe = undefined
      broker.authorizeForward = undefined
      const client = await connect('client', keptSession(version))
      await client.subscribe({ topic: 'a', qos: 1 })
      await client.disconnect()
      await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
      broker.authorizeSubscribe = () => false
      if (withheld) broker.authorizeForward = () => null
      const back = await connect('client', keptSession(version))
      assert.deepEqual(await receiveTexts(back), expected)
      await broker.publish({ topic: 'a', payload: 'later', qos: 1 })
      await back.expectNothing()
      await back.disconnect()
    }
  },
)
