/** What can be reached from a `Client`: the documented members and plain values, no internals of the broker. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { type Spec, spec } from '../../support/spec.js'

/** As in types/client/client.ts. */
const MEMBERS = [
  'address',
  'claims',
  'clean',
  'close',
  'closed',
  'conn',
  'connected',
  'connecting',
  'context',
  'details',
  'disconnect',
  'drops',
  'heldBytes',
  'id',
  'keepalive',
  'limits',
  'principal',
  'publish',
  'req',
  'stats',
  'subscribe',
  'subscriptions',
  'unsubscribe',
  'userProperties',
  'username',
  'version',
  'will',
]

/** Objects that the host passed, which lead to its own objects. */
const OF_THE_HOST = ['conn', 'req', 'context', 'claims']

/** Own and inherited properties, without those of EventEmitter and Object. */
function membersOf(value: object): (string | symbol)[] {
  const found = new Set<string | symbol>()
  for (let each = value; ![EventEmitter.prototype, Object.prototype, null].includes(each); ) {
    for (const key of Reflect.ownKeys(each)) found.add(key)
    each = Object.getPrototypeOf(each)
  }
  for (const key of [...Reflect.ownKeys(new EventEmitter()), 'constructor']) found.delete(key)
  return [...found]
}

/** All objects that can be reached from a client, by path, without those of the host and the language. */
function reachable(client: object): Map<object, string> {
  const found = new Map<object, string>()
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || found.has(value)) return
    found.set(value, path)
    if (Buffer.isBuffer(value)) return
    for (const key of membersOf(value)) {
      if (value === client && OF_THE_HOST.includes(String(key))) continue
      visit(Reflect.get(value, key), `${path}.${String(key)}`)
    }
    if (!(Symbol.iterator in value) || Array.isArray(value)) return
    for (const [index, each] of [...(value as Iterable<unknown>)].entries()) visit(each, `${path}[${index}]`)
  }
  visit(client, 'client')
  return found
}

async function connected({ broker, connect, version }: Spec) {
  const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true } as const
  const properties = version === 5 ? { properties: { userProperties: { a: 'b' } } } : {}
  const peer = await connect('client', { username: 'alice', will, ...properties })
  const client = broker.clients.client!
  await client.subscribe([
    { topic: 'a/#', qos: 1, nl: true },
    { topic: '$share/group/b', qos: 2 },
  ])
  return { client, peer }
}

spec('a client has the documented members and no others', [4, 5], async scene => {
  const { client } = await connected(scene)
  assert.deepEqual(membersOf(client).sort(), MEMBERS)
})

spec('internal objects cannot be reached from a client', [4, 5], async scene => {
  const { client } = await connected(scene)
  const kinds = [...reachable(client)].map(([value, path]) => [path, value.constructor?.name] as const)
  assert(kinds.some(([path]) => path === 'client.will.payload'))
  assert(kinds.some(([path]) => path === 'client.subscriptions[0].1'))
  const plain = ['Object', 'Array', 'Buffer', undefined]
  const others = kinds.filter(([, kind]) => !plain.includes(kind)).map(([path, kind]) => `${path}: ${kind}`)
  assert.deepEqual(others, ['client: ChannelClient', 'client.subscriptions: SubscriptionsView'])
})

spec('client.subscriptions shows the current subscriptions, and cannot be changed', [5], async scene => {
  const { client } = await connected(scene)
  const { subscriptions } = client
  assert.deepEqual([...subscriptions.keys()], ['a/#', '$share/group/b'])
  assert.equal(subscriptions.has('a/#'), true)
  const shown = subscriptions.get('a/#')!
  assert.deepEqual(shown, { topic: 'a/#', qos: 1, nl: true, rap: false, rh: 0 })
  shown.qos = 0
  assert.equal(subscriptions.get('a/#')?.qos, 1)
  await client.unsubscribe('a/#')
  assert.deepEqual([...subscriptions.keys(), subscriptions.size], ['$share/group/b', 1])
  const topics: string[] = []
  subscriptions.forEach(({ topic }, key, map) => {
    topics.push(topic, key, String(map === subscriptions))
  })
  assert.deepEqual(topics, ['$share/group/b', '$share/group/b', 'true'])
  assert.deepEqual(
    [...subscriptions.values()].map(({ topic }) => topic),
    ['$share/group/b'],
  )
  assert.match(inspect(subscriptions), /^Map\(1\) \{/)
})

spec('hooks and events get the client that `handle` returned', [5], async scene => {
  const { broker } = scene
  const handed = new Map<string, object | null>()
  // only the first time: later, the will is published without a client
  const note = (by: string, client: object | null) => !handed.has(by) && handed.set(by, client).size > 0
  broker.preConnect = client => note('preConnect', client) || true
  broker.authenticate = client => note('authenticate', client) || true
  broker.authorizePublish = client => note('authorizePublish', client) || true
  broker.authorizeSubscribe = (client, subscription) => {
    note('authorizeSubscribe', client)
    return subscription
  }
  broker.authorizeForward = (client, message) => {
    note('authorizeForward', client)
    return message
  }
  broker.published = (_, client) => {
    note('published', client)
  }
  const events = ['client', 'clientReady', 'clientDisconnect'] as const
  for (const event of events) broker.on(event, (client: object) => note(event, client))
  for (const event of ['subscribe', 'unsubscribe', 'publish', 'ack', 'ping', 'connackSent'] as const) {
    broker.on(event, (_: unknown, client: object | null) => note(event, client))
  }
  const { client, peer } = await connected(scene)
  peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 1 }] })
  await peer.expect('suback')
  peer.send({ cmd: 'publish', topic: 't', payload: Buffer.from('x'), qos: 1, retain: false, dup: false, messageId: 2 })
  const { messageId } = await peer.expect('publish')
  await peer.expect('puback')
  peer.send({ cmd: 'puback', messageId: messageId!, reasonCode: 0 })
  peer.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['t'] })
  await peer.expect('unsuback')
  peer.send({ cmd: 'pingreq' })
  await peer.expect('pingresp')
  await client.close()
  const others = [...handed].filter(([, each]) => each !== client).map(([name]) => name)
  assert.deepEqual([others, handed.size], [[], 15])
})

spec(
  'a client emits an event for the subscriptions of its own SUBSCRIBE',
  [3, 4, 5],
  async ({ broker, connect }) => {
    const client = await connect('a')
    const told: (readonly string[])[] = []
    broker.clients.a!.on('subscribed', filters =>
      told.push(filters.filter(filter => broker.clients.a!.subscriptions.has(filter))),
    )
    await client.subscribe({ topic: 'a', qos: 0 }, { topic: 'no', qos: 0 }, { topic: 'b', qos: 1 })
    await client.subscribe({ topic: 'no', qos: 0 })
    await broker.clients.a!.subscribe({ topic: 'c', qos: 0 })
    assert.deepEqual(told, [['a', 'b']])
  },
  { authorizeSubscribe: (_client, { topic }) => topic !== 'no' },
)
