/** Wills: when they are due, that each is published once, and failures of the host or the store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Client } from '../../../types/client/client.js'
import type { Will } from '../../../types/message/packets.js'
import { failingStore } from '../../support/brokers/stores.js'
import { receiveAll, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { byEffort } from '../../support/effort.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

function will(text: string, delay?: number): Will {
  const properties = delay === undefined ? undefined : { willDelayInterval: delay }
  return { topic: 'wills', payload: Buffer.from(text), qos: 1, retain: false, ...(properties && { properties }) }
}

async function watcher({ connect }: Spec): Promise<() => Promise<string[]>> {
  const client = await connect('watcher')
  await client.subscribe({ topic: 'wills', qos: 1 })
  return async () => (await receiveAll(client)).map(textOf)
}

spec('hundreds of wills that are due at the same time are each published once', [5], async scene => {
  const { connect, clock } = scene
  const published = await watcher(scene)
  const count = byEffort({ fast: 250, normal: 450, full: 450 })
  for (let i = 0; i < count; i++) {
    await (await connect(`client-${i}`, { ...keptSession(5), will: will(String(i), 10) })).drop()
  }
  assert.deepEqual(await published(), [])
  await clock.advance(11_000)
  const seen: string[] = []
  for (let more = await published(); more.length > 0; more = await published()) seen.push(...more)
  assert.equal(seen.length, count)
  assert.equal(new Set(seen).size, count)
})

spec('a client that reconnects while wills are being published keeps its own', [5], async scene => {
  const { broker, connect, clock } = scene
  const published = await watcher(scene)
  // one more than are published at a time
  const clients = Array.from({ length: 51 }, (_, index) => `client-${index}`)
  for (const clientId of clients) {
    await (await connect(clientId, { ...keptSession(5), will: will(clientId, 10) })).drop()
  }
  const asked = new Map<string, () => void>()
  broker.authorizePublish = ({ id }) => new Promise(resolve => asked.set(id, () => resolve(true)))
  await clock.advance(10_500)
  const [left, ...others] = clients.filter(id => !asked.has(id))
  assert.deepEqual(others, [])
  const back = await connect(left!, keptSession(5))
  for (const letGo of asked.values()) letGo()
  await clock.advance(100)
  assert.deepEqual(new Set(await published()), new Set(asked.keys()))
  assert.equal(back.isClosed, false)
})

spec('a hook that is slow for one delayed will does not delay the others', [5], async scene => {
  const { broker, connect, clock } = scene
  const published = await watcher(scene)
  for (const clientId of ['slow', 'one', 'two']) {
    await (await connect(clientId, { ...keptSession(5), will: will(clientId, 10) })).drop()
  }
  let letGo = () => {}
  broker.authorizePublish = client => {
    if (client.id !== 'slow') return true
    return new Promise(resolve => {
      letGo = () => resolve(true)
    })
  }
  await clock.advance(10_500)
  assert.deepEqual((await published()).sort(), ['one', 'two'])
  letGo()
  await clock.advance(100)
  assert.deepEqual(await published(), ['slow'])
})

spec('authorizePublish may change or refuse a will, and a refused one is discarded', [4, 5], async scene => {
  const { broker, connect, clock } = scene
  const published = await watcher(scene)
  const refused: string[] = []
  const asked: (Client | null)[] = []
  broker.on('publishRefused', (error, packet) => refused.push(`${error.code} ${packet.payload}`))
  broker.authorizePublish = (client, packet) => {
    asked.push(client)
    if (String(packet.payload) === 'no') return false
    packet.payload = Buffer.from('changed')
    return true
  }
  await (await connect('refused', { will: will('no') })).drop()
  await (await connect('changed', { will: will('yes') })).drop()
  await clock.advance(100)
  assert.deepEqual(await published(), ['changed'])
  assert.deepEqual(refused, ['ANAX_ERR_PUBLISH_REFUSED no'])
  assert.deepEqual(
    asked.map(client => client?.id),
    ['refused', 'changed'],
  )
})

spec(
  'a published will has no delay property, and its expiry starts when it is published',
  [5],
  async ({ connect, clock }) => {
    const watching = await connect('watcher')
    await watching.subscribe({ topic: 'wills', qos: 1 })
    const properties = { willDelayInterval: 20, messageExpiryInterval: 30 }
    await (await connect('client', { ...keptSession(5), will: { ...will('x'), properties } })).drop()
    await clock.advance(21_000)
    const [packet] = await receiveAll(watching)
    assert.deepEqual({ ...packet?.properties }, { messageExpiryInterval: 30 })
  },
)

for (const when of ['at once', 'after its delay', 'when its session ends'] as const) {
  spec(`hooks, events and listeners get a will with the identifier of its client (${when})`, [5], async scene => {
    const { broker, connect, clock } = scene
    const seen: string[] = []
    broker.authorizePublish = (client, { clientId }) => seen.push(`authorizePublish ${client?.id} ${clientId}`) > 0
    broker.on('publish', ({ clientId }, client) => seen.push(`publish ${client} ${clientId}`))
    broker.published = ({ clientId }) => {
      seen.push(`published ${clientId}`)
    }
    await broker.subscribe('wills', ({ clientId }) => seen.push(`listener ${clientId}`))
    const delay = { 'at once': undefined, 'after its delay': 10, 'when its session ends': 1000 }[when]
    await (await connect('mortal', { ...keptSession(5, 100), will: will('x', delay) })).drop()
    await clock.advance(when === 'when its session ends' ? 101_000 : 11_000)
    assert.deepEqual(seen, [
      'authorizePublish mortal mortal',
      'listener mortal',
      'publish null mortal',
      'published mortal',
    ])
  })
}

spec('a client does not get its own will through a No Local subscription, but others do', [5], async scene => {
  const { connect, clock } = scene
  const subscription = { topic: 'wills', qos: 1, nl: true } as const
  const mortal = await connect('mortal', { ...keptSession(5), will: will('own') })
  const other = await connect('other')
  for (const client of [mortal, other]) await client.subscribe(subscription)
  await mortal.drop()
  await clock.advance(10)
  assert.deepEqual((await receiveAll(other)).map(textOf), ['own'])
  await (await connect('mortal', keptSession(5))).expectNothing()
})

spec(
  'without No Local the will of a client is queued for its own session',
  [4, 5],
  async ({ version, connect, clock }) => {
    const mortal = await connect('mortal', { ...keptSession(version), will: will('own') })
    await mortal.subscribe({ topic: 'wills', qos: 1 })
    await mortal.drop()
    await clock.advance(10)
    assert.deepEqual((await receiveAll(await connect('mortal', keptSession(version)))).map(textOf), ['own'])
  },
)

for (const how of ['throws', 'rejects'] as const) {
  test(`a will that the store fails to return is reported, and published as soon as possible (the store ${how})`, async () => {
    const clock = new FakeClock()
    const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
    const broker = await createBroker({ clock, persistence: store.store })
    const told: string[] = []
    broker.on('publishRefused', ({ code }, { topic }) => told.push(`${code} ${topic}`))
    const published: string[] = []
    await broker.subscribe('wills', ({ payload }) => published.push(`${payload}`))
    const client = new SpecClient(broker, 5)
    await client.connect({ clientId: 'client', will: will('x') })
    store.fail('subscriptionsByTopic', how)
    await client.drop()
    await clock.advance(10)
    assert.deepEqual([told, published], [['ANAX_ERR_STORE wills'], []])
    store.fail(undefined)
    await clock.advance(3000)
    assert.deepEqual([told, published], [['ANAX_ERR_STORE wills'], ['x']])
    assert.equal((await new SpecClient(broker, 5).connect({ clientId: 'client' })).reasonCode, 0)
    assert.deepEqual(published, ['x'])
    const closing = broker.close()
    await clock.advance(10_000)
    await closing
  })
}
