/** A filter that `authorizeSubscribe` replaced: the client unsubscribes with the filter that it sent. */
import assert from 'node:assert/strict'
import { createMemoryPersistence } from '../../../lib/index.js'
import { publishText, receiveTexts } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const tenant = {
  authorizeSubscribe: (_client: unknown, subscription: { topic: string; qos: 0 | 1 | 2 }) => ({
    ...subscription,
    topic: `tenant/${subscription.topic}`,
  }),
}

spec(
  'UNSUBSCRIBE from the requested filter ends the subscription to the granted one',
  ALL,
  async ({ broker, connect, version }) => {
    const client = await connect('client')
    const publisher = await connect('publisher')
    await client.subscribe({ topic: 'a', qos: 0 })
    const { subscriptions } = broker.clients.client!
    assert.deepEqual(
      [...subscriptions.values()].map(({ topic, requested }) => [topic, requested]),
      [['tenant/a', 'a']],
    )
    await publishText(publisher, 'tenant/a', 'one')
    assert.deepEqual(await receiveTexts(client), ['one'])
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a', 'b'] })
    assert.deepEqual((await client.expect('unsuback')).granted, version === 5 ? [0, 0x11] : [])
    assert.equal(subscriptions.size, 0)
    await publishText(publisher, 'tenant/a', 'two')
    await client.expectNothing()
  },
  tenant,
)

spec(
  'UNSUBSCRIBE right after SUBSCRIBE ends the subscription to the granted filter',
  ALL,
  async ({ broker, connect }) => {
    const client = await connect('client', {})
    client.send(
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] },
      { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] },
    )
    await client.expect('suback')
    await client.expect('unsuback')
    assert.equal(broker.clients.client!.subscriptions.size, 0)
  },
  { authorizeSubscribe: async (client, subscription) => tenant.authorizeSubscribe(client, subscription) },
)

spec(
  'a resumed session still has the granted filter, which is not replaced again',
  ALL,
  async ({ broker, connect, version }) => {
    const before = await connect('client', keptSession(version))
    await before.subscribe({ topic: 'a', qos: 1 })
    await before.disconnect()
    const client = await connect('client', keptSession(version))
    assert.deepEqual([...broker.clients.client!.subscriptions.keys()], ['tenant/a'])
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
    await client.expect('unsuback')
    assert.equal(broker.clients.client!.subscriptions.size, 0)
    await client.disconnect()
    await connect('client', keptSession(version))
    assert.equal(broker.clients.client!.subscriptions.size, 0)
  },
  tenant,
)

spec(
  'client.unsubscribe accepts the requested and the granted filter',
  [5],
  async ({ broker, connect }) => {
    const peer = await connect('client')
    const client = broker.clients.client!
    await peer.subscribe({ topic: 'a', qos: 0 })
    await client.unsubscribe('a')
    assert.equal(client.subscriptions.size, 0)
    await peer.subscribe({ topic: 'a', qos: 0 })
    await client.unsubscribe('tenant/a')
    assert.equal(client.subscriptions.size, 0)
  },
  tenant,
)

const store = createMemoryPersistence()
const { removeSubscriptions } = store
spec(
  'the granted filter is still known if the store failed to delete it',
  [5],
  async ({ broker, connect }) => {
    const peer = await connect('client', keptSession(5))
    const client = broker.clients.client!
    await peer.subscribe({ topic: 'a', qos: 1 })
    // only this test expects it
    broker.removeAllListeners('storeError')
    store.removeSubscriptions = () => Promise.reject(new Error('disk full'))
    peer.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
    assert.deepEqual((await peer.expect('unsuback')).granted, [0x80])
    await assert.rejects(client.unsubscribe('a'), { code: 'ANAX_ERR_STORE' })
    assert.equal(client.subscriptions.size, 1)
    store.removeSubscriptions = removeSubscriptions
    peer.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['a'] })
    assert.deepEqual((await peer.expect('unsuback')).granted, [0])
    assert.equal(client.subscriptions.size, 0)
  },
  { ...tenant, persistence: store },
)
