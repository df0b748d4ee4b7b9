/** The public `Client`: properties, publish, subscribe, unsubscribe, close and disconnect. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { AnaxError, createBroker } from '../../lib/index.js'
import { duplexPair, FakeClock } from '../../lib/testing/index.js'
import type { Client, UnsubscribeInput } from '../../types/client/client.js'
import type { Subscription } from '../../types/message/packets.js'
import { failingStore, STORES, StoreFailure } from '../support/brokers/stores.js'
import { publishText, receiveAll, receiveTexts } from '../support/clients/exchange.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { keptSession, type Spec, spec } from '../support/spec.js'

const ALL = [3, 4, 5] as const

/** Both ends of a connected client. */
async function bothEnds({ broker, connect, version }: Spec, kept = false): Promise<[SpecClient, Client]> {
  const peer = await connect('client', kept ? keptSession(version) : {})
  return [peer, broker.clients.client!]
}

function called(run: (callback: (...args: unknown[]) => void) => void): Promise<unknown[]> {
  return new Promise(resolve => run((...args) => resolve(args)))
}

spec('the properties of a client are those of its CONNECT', ALL, async ({ version, broker, connect }) => {
  const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true } as const
  const userProperties = { a: 'b' }
  const properties = version === 5 ? { properties: { userProperties } } : {}
  await connect('client', { clean: true, keepalive: 30, username: 'alice', will, ...properties })
  const client = broker.clients.client!
  assert.deepEqual(
    [client.id, client.clean, client.version, client.username, client.keepalive],
    ['client', true, version, 'alice', 30],
  )
  assert.deepEqual([client.will?.topic, client.will?.payload.toString(), client.will?.qos], ['w', 'x', 1])
  assert.deepEqual({ ...client.userProperties }, version === 5 ? userProperties : {})
  assert.deepEqual([client.connecting, client.connected, client.closed], [false, true, false])
  assert.equal(client.context, undefined)
})

spec(
  'large User Properties of CONNECT are kept if a hook may need them, and otherwise until the client is ready',
  [5],
  async ({ broker, connect }) => {
    const properties = { userProperties: { small: 'x', large: 'x'.repeat(4096) } }
    const seen: unknown[] = []
    for (const name of ['client', 'clientReady'] as const) {
      broker.on(name, ({ userProperties }) => seen.push(userProperties?.small))
    }
    await connect('without', { properties })
    assert.equal(broker.clients.without!.userProperties, undefined)
    assert.equal(broker.clients.without!.id, 'without')
    broker.published = async () => {}
    await connect('with', { properties })
    assert.equal(broker.clients.with!.userProperties?.large?.length, 4096)
    assert.deepEqual(seen, ['x', 'x', 'x', 'x'])
  },
)

spec('a client has no identifier before CONNECT', [5], async ({ broker, clock }) => {
  const [near, far] = duplexPair()
  const request = {} as IncomingMessage
  const client = broker.handle(far, request)
  assert.deepEqual([client.id, client.version, client.connecting, client.connected], ['', undefined, false, false])
  assert.equal(client.conn, far)
  assert.equal(client.req, request)
  assert.equal(client.subscriptions.size, 0)
  for (const request of [
    client.publish({ topic: 'a' }),
    client.subscribe({ topic: 'a', qos: 0 }),
    client.unsubscribe('a'),
  ]) {
    await assert.rejects(request, { code: 'ANAX_ERR_NOT_CONNECTED' })
  }
  near.resume()
  const closing = client.close()
  await clock.advance(2000)
  await closing
  assert.equal(client.closed, true)
})

for (const kept of [false, true]) {
  for (const qos of [0, 1, 2] as const) {
    spec(
      `client.publish reaches only that client, QoS ${qos}, session ${kept ? 'stored' : 'not stored'}`,
      ALL,
      async frame => {
        const [peer, client] = await bothEnds(frame, kept)
        const other = await frame.connect('other')
        await other.subscribe({ topic: '#', qos: 2 })
        await client.publish({ topic: 'a', payload: 'promise', qos })
        assert.deepEqual(await called(callback => client.publish({ topic: 'a', payload: 'callback', qos }, callback)), [
          null,
        ])
        const received = await receiveAll(peer)
        assert.deepEqual(
          received.map(packet => [packet.payload.toString(), packet.qos]),
          [
            ['promise', qos],
            ['callback', qos],
          ],
        )
        await other.expectNothing()
      },
    )
  }
}

spec('a message of client.publish to a stored session is sent again until it is acknowledged', ALL, async frame => {
  const [peer, client] = await bothEnds(frame, true)
  await client.publish({ topic: 'a', payload: 'x', qos: 1 })
  await peer.expect('publish')
  await peer.drop()
  const again = await frame.connect('client', keptSession(frame.version))
  const resent = await again.expect('publish')
  assert.deepEqual([resent.payload.toString(), resent.dup], ['x', true])
})

spec('client.publish with a wrong argument is refused', [5], async frame => {
  const [, client] = await bothEnds(frame)
  await assert.rejects(client.publish({ topic: '#' }), { code: 'ANAX_ERR_ARGUMENT' })
  const [error] = await called(callback => client.publish({ topic: '#' }, callback))
  assert.equal((error as { code: string }).code, 'ANAX_ERR_ARGUMENT')
})

const A: Subscription = { topic: 'a', qos: 1 }
const B: Subscription = { topic: 'b/#', qos: 0 }
for (const [what, input, filters] of [
  ['one', A, ['a']],
  ['a list', [A, B], ['a', 'b/#']],
  ['a packet', { subscriptions: [A, B] }, ['a', 'b/#']],
] as [string, Parameters<Client['subscribe']>[0], string[]][]) {
  spec(`client.subscribe to ${what} does not call authorizeSubscribe`, ALL, async frame => {
    const { broker, connect } = frame
    broker.authorizeSubscribe = () => assert.fail('asked')
    const publisher = await connect('publisher')
    await publishText(publisher, 'a', 'retained', { qos: 1, retain: true })
    const [peer, client] = await bothEnds(frame)
    await client.subscribe(input)
    assert.deepEqual([...client.subscriptions.keys()], filters)
    await publishText(publisher, 'a', 'live', { qos: 2 })
    const received = await receiveAll(peer)
    assert.deepEqual(
      received.map(packet => [packet.payload.toString(), packet.qos]),
      [
        ['retained', 1],
        ['live', 1],
      ],
    )
  })
}

spec('a subscription made with client.subscribe remains in a stored session', ALL, async frame => {
  const { version, connect } = frame
  const [peer, client] = await bothEnds(frame, true)
  assert.deepEqual(await called(callback => client.subscribe(A, callback)), [null])
  await peer.drop()
  const publisher = await connect('publisher')
  await publishText(publisher, 'a', 'away', { qos: 1 })
  const [again, sameClient] = await bothEnds(frame, true)
  assert.deepEqual(await receiveTexts(again), ['away'])
  await sameClient.unsubscribe('a')
  await again.drop()
  await publishText(publisher, 'a', 'later', { qos: 1 })
  await (await connect('client', keptSession(version))).expectNothing()
})

spec('client.subscribe and client.unsubscribe cause the same events as SUBSCRIBE and UNSUBSCRIBE', ALL, async frame => {
  const { broker } = frame
  const told: unknown[] = []
  broker.on('subscribe', (subscriptions, client) =>
    told.push(...subscriptions.map(({ topic, qos }) => `${client.id} ${topic} ${qos}`)),
  )
  broker.on('unsubscribe', (topics, client) => told.push(`${client.id} without ${topics}`))
  const [, client] = await bothEnds(frame)
  await client.subscribe([A, B])
  await client.unsubscribe(['a', { topic: 'never' }])
  assert.deepEqual(told, ['client a 1', 'client b/# 0', 'client without a,never'])
  await assert.rejects(client.subscribe({ topic: 'a#', qos: 0 }))
  assert.equal(told.length, 3)
})

for (const how of ['throws', 'rejects'] as const) {
  test(`methods of a client reject with ANAX_ERR_STORE and the cause if the store ${how}`, async () => {
    const clock = new FakeClock()
    const failing = failingStore(STORES.memory!(clock))
    const broker = await createBroker({ clock, persistence: failing.store })
    const peer = new SpecClient(broker, 5)
    await peer.connect({ clientId: 'client', ...keptSession(5) })
    const client = broker.clients.client!
    for (const [name, request] of [
      ['enqueue', () => client.publish({ topic: 'a', qos: 1 })],
      ['addSubscriptions', () => client.subscribe(A)],
      ['removeSubscriptions', () => client.unsubscribe('a')],
    ] as const) {
      failing.fail(name, how)
      await assert.rejects(request(), (error: AnaxError) => {
        assert(error instanceof AnaxError)
        assert.equal(error.code, 'ANAX_ERR_STORE')
        assert(error.cause instanceof StoreFailure)
        return true
      })
    }
    const closing = broker.close()
    await clock.advance(10_000)
    await closing
  })
}

spec('client.subscribe with a wrong argument is refused', [5], async frame => {
  const [, client] = await bothEnds(frame)
  const wrong = { code: 'ANAX_ERR_ARGUMENT' }
  await assert.rejects(client.subscribe({ topic: 'a#', qos: 0 }), wrong)
  await assert.rejects(client.subscribe({ topic: 'a', qos: 3 as never }), wrong)
  await assert.rejects(client.subscribe([A, { topic: '', qos: 0 }]), wrong)
  for (const nothing of [undefined, null, [undefined], {}, 'a', { subscriptions: null }]) {
    await assert.rejects(client.subscribe(nothing as never), wrong, JSON.stringify(nothing))
  }
  assert.equal(client.subscriptions.size, 0)
})

spec('client.unsubscribe with a wrong argument is refused', [5], async frame => {
  const [, client] = await bothEnds(frame)
  for (const nothing of [undefined, null, 5, [null], { subscriptions: null }]) {
    await assert.rejects(client.unsubscribe(nothing as never), { code: 'ANAX_ERR_ARGUMENT' }, JSON.stringify(nothing))
  }
})

for (const [what, input] of [
  ['a string', 'a'],
  ['an object', { topic: 'a' }],
  ['a list', ['a', { topic: 'never' }]],
  ['a packet', { unsubscriptions: ['a'] }],
  ['a packet like that of Aedes', { subscriptions: [{ topic: 'a' }] }],
] as [string, UnsubscribeInput][]) {
  spec(`client.unsubscribe with ${what}`, [4, 5], async frame => {
    const [peer, client] = await bothEnds(frame)
    await peer.subscribe(A, B)
    await client.unsubscribe(input)
    assert.deepEqual([...client.subscriptions.keys()], ['b/#'])
    await publishText(await frame.connect('publisher'), 'a', 'x', { qos: 1 })
    await peer.expectNothing()
    assert.deepEqual(await called(callback => client.unsubscribe('b/#', callback)), [null])
    assert.equal(client.subscriptions.size, 0)
  })
}

spec('a client is not disconnected with a wrong option', ALL, async scene => {
  const [, client] = await bothEnds(scene)
  await assert.rejects(client.disconnect({ will: false as never }), {
    code: 'ANAX_ERR_ARGUMENT',
    message: "Invalid argument: will has to be 'publish' or 'discard', got false",
  })
  assert.equal(client.connected, true)
})

for (const style of ['close by promise', 'close by callback', 'disconnect'] as const) {
  spec(
    `${style} sends DISCONNECT 0x98, publishes the will and closes the connection`,
    ALL,
    async ({ broker, connect }) => {
      const will = { topic: 'w', payload: Buffer.from('x'), qos: 0, retain: false } as const
      const witness = await connect('witness')
      await witness.subscribe({ topic: 'w', qos: 0 })
      const peer = await connect('client', { will })
      const client = broker.clients.client!
      if (style === 'close by callback') await called(callback => client.close(callback))
      else await (style === 'disconnect' ? client.disconnect() : client.close())
      assert.deepEqual([client.connected, client.closed, broker.clients.client], [false, true, undefined])
      await peer.expectDisconnect(0x98)
      assert.deepEqual(await receiveTexts(witness), ['x'])
      await client.close()
      await assert.rejects(client.publish({ topic: 'a' }), { code: 'ANAX_ERR_NOT_CONNECTED' })
    },
  )
}

spec('a client may be closed from its own hook or event', ALL, async ({ broker, connect }) => {
  broker.on('subscribe', (_, client) => void client.close())
  const peer = await connect('client')
  peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [A] })
  await peer.closed()
  broker.authorizePublish = client => {
    client?.close()
    return true
  }
  const publisher = await connect('publisher')
  publisher.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId: 1, dup: false, retain: false })
  await publisher.closed()
  await (await connect('other')).expectNothing()
})
