/**
 * A store that fails, in any operation and in any way: no acknowledgement of success, an event for the host, and no
 * effect on other clients. An unhandled rejection fails the test by itself.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PublishMessage } from '../../../lib/codec/publish-message.js'
import { type Broker, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { recordOf } from '../../../lib/model/routing-record.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { type FailingStore, type Failure, failingStore, STORES } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession } from '../../support/spec.js'

const FAILURES: readonly Failure[] = ['throws', 'rejects', 'rejects late']

interface Scene {
  broker: Broker
  clock: FakeClock
  failing: FailingStore
  version: ProtocolVersion
  how: Failure
  /** Codes of the reported errors, by event. */
  told: string[]
  connect(clientId: string, session?: 'clean' | 'kept'): Promise<SpecClient>
}

/** Declares a test for each kind of failure and each store; at its end, uninvolved clients must still be connected. */
function failing(title: string, body: (scene: Scene) => Promise<void>, stores = Object.keys(STORES)): void {
  for (const storeName of stores) {
    for (const how of FAILURES) {
      for (const version of [4, 5] as const) {
        test(`${title} (${storeName}, ${how}, version ${version})`, () => run(storeName, how, version, body))
      }
    }
  }
}

async function run(storeName: string, how: Failure, version: ProtocolVersion, body: (scene: Scene) => Promise<void>) {
  const clock = new FakeClock()
  const store = failingStore(STORES[storeName]!(clock))
  const broker = await createBroker({ clock, persistence: store.store })
  const told = eventsOf(broker)
  const connect: Scene['connect'] = async (clientId, session = 'clean') => {
    const client = new SpecClient(broker, version)
    const { returnCode, reasonCode } = await client.connect({
      clientId,
      ...(session === 'kept' ? keptSession(version) : {}),
    })
    assert.equal(returnCode ?? reasonCode, 0)
    return client
  }
  const bystanders = [await connect('bystander-1'), await connect('bystander-2', 'kept')]
  for (const bystander of bystanders) await bystander.subscribe({ topic: 'bystanders', qos: 2 })
  await body({ broker, clock, failing: store, version, how, told, connect })
  store.fail(undefined)
  await (await connect('last')).publish({ topic: 'bystanders', qos: 2 })
  for (const bystander of bystanders) assert.equal((await receive(bystander, 1)).length, 1)
  const closing = broker.close()
  await clock.advance(60_000)
  await closing
}

function eventsOf(broker: Broker): string[] {
  const told: string[] = []
  broker.on('storeError', ({ code }) => told.push(`storeError ${code}`))
  broker.on('publishRefused', ({ code }) => told.push(`publishRefused ${code}`))
  broker.on('clientError', (_, { code }) => told.push(`clientError ${code}`))
  broker.on('connectionError', (_, { code }) => told.push(`connectionError ${code}`))
  return told
}

/** The publisher was refused: 0x80 and the connection stays open (5.0), or the connection is closed. */
async function assertRefused({ version }: Scene, client: SpecClient, cmd: 'puback' | 'pubrec'): Promise<void> {
  if (version === 5) {
    assert.equal((await client.expect(cmd)).reasonCode, 0x80)
    await client.expectNothing()
  } else {
    assert.deepEqual(await client.closed(), [])
  }
}

/** The operations that publishing needs, per store, and the messages that need them. */
const PUBLISHING = [
  { memory: 'subscriptionsByTopic', aedes: 'subscriptionsByTopic', retain: false },
  { memory: 'enqueue', aedes: 'outgoingEnqueue', retain: false },
  { memory: 'enqueue', aedes: 'outgoingEnqueue', retain: true },
  { memory: 'storeRetained', aedes: 'storeRetained', retain: true },
]

for (const { memory, aedes, retain } of PUBLISHING) {
  for (const qos of [1, 2] as const) {
    failing(`${memory} fails at a ${retain ? 'retained ' : ''}QoS ${qos} PUBLISH: it is refused`, async scene => {
      const { failing, connect, told, how } = scene
      const away = await connect('away', 'kept')
      await away.subscribe({ topic: 'a', qos: 2 })
      await away.drop()
      const publisher = await connect('publisher', 'kept')
      failing.fail(failing.calls.includes('enqueue') || !isAedes(failing) ? memory : aedes, how)
      publisher.send(textPacket('a', 'lost', { qos, messageId: 7, retain }))
      await assertRefused(scene, publisher, qos === 1 ? 'puback' : 'pubrec')
      assert(told.includes('publishRefused ANAX_ERR_STORE'), String(told))
      failing.fail(undefined)
      const again = scene.version === 5 ? publisher : await connect('publisher', 'kept')
      const reasonCode = await again.publish({ topic: 'a', qos, messageId: 7, payload: Buffer.from('kept'), retain })
      assert.equal(reasonCode, 0)
      const returned = await connect('away', 'kept')
      assert((await returnedTexts(returned)).includes('kept'))
    })
  }
}

function isAedes({ store }: FailingStore): boolean {
  return !('sessionPersistence' in store)
}

async function returnedTexts(client: SpecClient): Promise<string[]> {
  const packets = await client.settle()
  for (const packet of packets) if (packet.cmd === 'publish' && packet.qos === 1) await acknowledge(client, packet)
  const more = await client.settle()
  return texts([...packets, ...more])
}

failing('a retained QoS 0 message that cannot be stored is reported, and a 3.1.1 client is closed', async scene => {
  const { failing, connect, told, how, version } = scene
  const publisher = await connect('publisher')
  failing.fail('storeRetained', how)
  publisher.send(textPacket('a', 'x', { retain: true }))
  if (version === 5) await publisher.settle()
  else assert.deepEqual(await publisher.closed(), [])
  assert(told.includes('publishRefused ANAX_ERR_STORE'), String(told))
})

failing('a QoS 2 PUBLISH whose packet id cannot be stored is refused, and the packet id is free again', async scene => {
  const { failing, connect, told, how } = scene
  const publisher = await connect('publisher', 'kept')
  failing.fail(isAedes(failing) ? 'incomingStorePacket' : 'addIncoming', how)
  publisher.send(textPacket('a', 'x', { qos: 2, messageId: 3 }))
  await assertRefused(scene, publisher, 'pubrec')
  assert(told.includes('publishRefused ANAX_ERR_STORE'), String(told))
})

failing(
  'a QoS 2 PUBLISH is refused if the store takes neither it nor its packet id, and cannot free the packet id',
  async scene => {
    const { connect, how, clock, version } = scene
    const inner = failingStore(STORES.memory!(clock))
    const outer = failingStore(inner.store)
    const third = failingStore(outer.store)
    const broker = await createBroker({ clock, persistence: third.store })
    const told = eventsOf(broker)
    const away = new SpecClient(broker, version)
    await away.connect({ clientId: 'away', ...keptSession(version) })
    await away.subscribe({ topic: 'a', qos: 1 })
    const publisher = new SpecClient(broker, version)
    await publisher.connect({ clientId: 'publisher', ...keptSession(version) })
    inner.fail('enqueue', 'rejects late')
    outer.fail('addIncoming', how)
    third.fail('removeIncoming', how)
    publisher.send(textPacket('a', 'x', { qos: 2, messageId: 3 }))
    await assertRefused({ ...scene, broker }, publisher, 'pubrec')
    await clock.advance(10)
    assert(told.includes('publishRefused ANAX_ERR_STORE'), String(told))
    assert(told.includes('storeError ANAX_ERR_STORE'), String(told))
    await connect('unaffected')
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  },
  ['memory'],
)

failing(
  'a message that is queued although its packet id cannot be stored is delivered from the queue',
  async scene => {
    const { how, clock, version } = scene
    const inner = createMemoryPersistence({ now: () => clock.now() })
    const enqueue = inner.enqueue.bind(inner)
    const queued: PublishMessage[] = []
    inner.enqueue = (message, ...rest) => {
      queued.push(message as PublishMessage)
      return enqueue(message, ...rest)
    }
    const failing = failingStore(inner)
    const broker = await createBroker({ clock, persistence: failing.store })
    const connect = async (clientId: string) => {
      const client = new SpecClient(broker, version)
      await client.connect({ clientId, ...keptSession(version) })
      return client
    }
    const away = await connect('away')
    await away.subscribe({ topic: 'a', qos: 1 })
    await away.disconnect()
    failing.fail('addIncoming', how)
    const publisher = await connect('publisher')
    publisher.send(textPacket('a', 'x', { qos: 2, messageId: 3 }))
    await assertRefused({ ...scene, broker }, publisher, 'pubrec')
    assert.deepEqual(texts(await receive(await connect('away'), 1)), ['x'])
    assert.deepEqual(
      queued.map(message => recordOf(message)?.isWithheld('away')),
      [false],
      'it is not registered as a message that the bus will deliver',
    )
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  },
  ['memory'],
)

failing('a PUBREL that cannot be stored closes the connection without PUBCOMP', async scene => {
  const { failing, connect, how, told } = scene
  const publisher = await connect('publisher', 'kept')
  publisher.send(textPacket('a', 'x', { qos: 2, messageId: 3 }))
  await publisher.expect('pubrec')
  failing.fail(isAedes(failing) ? 'incomingDelPacket' : 'removeIncoming', how)
  publisher.send({ cmd: 'pubrel', messageId: 3 })
  await publisher.expectDisconnect(0x80)
  assert(told.includes('clientError ANAX_ERR_STORE'), String(told))
})

failing('a SUBSCRIBE that cannot be stored is refused, and delivers nothing', async scene => {
  const { broker, failing, connect, how, told, version } = scene
  const client = await connect('client', 'kept')
  failing.fail('addSubscriptions', how)
  assert.deepEqual(
    await client.subscribe({ topic: 'a', qos: 1 }, { topic: 'b', qos: 0 }),
    version === 5 ? [0x80, 0x80] : [0x80, 0x80],
  )
  assert(told.includes('storeError ANAX_ERR_STORE'), String(told))
  failing.fail(undefined)
  await broker.publish({ topic: 'a', qos: 1 })
  await client.expectNothing()
  assert.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }), [1])
  await broker.publish({ topic: 'a', qos: 1 })
  assert.equal((await receive(client, 1)).length, 1)
})

failing('an UNSUBSCRIBE that cannot be stored is not acknowledged as successful', async scene => {
  const { failing, connect, how, version } = scene
  const client = await connect('client', 'kept')
  await client.subscribe({ topic: 'a', qos: 1 })
  failing.fail('removeSubscriptions', how)
  client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
  if (version === 5) assert.deepEqual((await client.expect('unsuback')).granted, [0x80])
  else assert.deepEqual(await client.closed(), [])
})

/** The operations that opening a session needs, per store; adapters without them are left out. */
const OPENING: Record<string, readonly string[]> = {
  memory: ['openSession', 'saveSession', 'saveWill'],
  'aedes-persistence': ['subscriptionsByClient', 'putWill'],
}

for (const [storeName, names] of Object.entries(OPENING)) {
  for (const name of names) {
    failing(
      `${name} fails at CONNECT: the client is refused`,
      async ({ broker, failing, how, told, version, connect }) => {
        failing.fail(name, how)
        const client = new SpecClient(broker, version)
        const will = { topic: 'will', payload: Buffer.from('x'), qos: 1 as const, retain: false }
        const connack = await client.connect({ clientId: 'client', will, ...keptSession(version) })
        assert.equal(connack.reasonCode ?? connack.returnCode, version === 5 ? 0x88 : 3)
        await client.closed()
        assert(
          told.some(event => event.startsWith('connectionError')),
          String(told),
        )
        failing.fail(undefined)
        await (await connect('client', 'kept')).expectNothing()
      },
      [storeName],
    )
  }
}

failing('a message that cannot be stored as sent ends the connection, and is sent again on the next', async scene => {
  const { broker, failing, connect, how, told } = scene
  for (const qos of [1, 2] as const) {
    const subscriber = await connect('subscriber', 'kept')
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    failing.fail(isAedes(failing) ? 'outgoingUpdate' : 'markSent', how)
    await broker.publish({ topic: 'a', qos, payload: String(qos) })
    await subscriber.closed()
    assert(told.includes('clientError ANAX_ERR_STORE'), String(told))
    failing.fail(undefined)
    assert.deepEqual(texts(await receive(await connect('subscriber', 'kept'), 1)), [String(qos)])
  }
})

failing('a PUBREC that cannot be stored closes the connection without PUBREL', async scene => {
  const { broker, failing, connect, how } = scene
  const subscriber = await connect('subscriber', 'kept')
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  await broker.publish({ topic: 'a', qos: 2, payload: 'x' })
  const { messageId } = await nextMessage(subscriber, 2)
  failing.fail(isAedes(failing) ? 'outgoingUpdate' : 'markReleased', how)
  subscriber.send({ cmd: 'pubrec', messageId })
  await subscriber.expectDisconnect(0x80)
  failing.fail(undefined)
  const returned = await connect('subscriber', 'kept')
  const again = await nextMessage(returned, 2)
  assert.deepEqual([again.messageId, again.dup], [messageId, true])
  await acknowledge(returned, again)
})

failing('an acknowledgement that cannot be stored ends the connection, and the message is sent again', async scene => {
  const { broker, failing, connect, how } = scene
  const subscriber = await connect('subscriber', 'kept')
  await subscriber.subscribe({ topic: 'a', qos: 1 })
  await broker.publish({ topic: 'a', qos: 1, payload: 'x' })
  const { messageId } = await nextMessage(subscriber, 1)
  failing.fail(isAedes(failing) ? 'outgoingClearMessageId' : 'removeQueued', how)
  subscriber.send({ cmd: 'puback', messageId })
  await subscriber.expectDisconnect(0x80)
  failing.fail(undefined)
  assert.deepEqual(texts(await receive(await connect('subscriber', 'kept'), 1)), ['x'])
})

failing('a queue that cannot be read ends the connection, and is sent on the next', async scene => {
  const { broker, failing, connect, how, version } = scene
  const away = await connect('away', 'kept')
  await away.subscribe({ topic: 'a', qos: 1 })
  await away.drop()
  await broker.publish({ topic: 'a', qos: 1, payload: 'x' })
  failing.fail(isAedes(failing) ? 'outgoingStream' : 'queued', how)
  const returned = new SpecClient(broker, version)
  await returned.connect({ clientId: 'away', ...keptSession(version) })
  await returned.closed()
  failing.fail(undefined)
  assert.deepEqual(texts(await receive(await connect('away', 'kept'), 1)), ['x'])
})

failing('retained messages that cannot be read end the connection of the subscriber', async scene => {
  const { failing, connect, how } = scene
  const client = await connect('client')
  failing.fail(isAedes(failing) ? 'createRetainedStreamCombi' : 'retained', how)
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
  await client.expect('suback')
  await client.expectDisconnect(0x80)
})

failing(
  'a session that cannot be stored when its connection ends is reported by an event',
  async scene => {
    const { failing, connect, how, told, clock } = scene
    const client = await connect('client', 'kept')
    failing.fail('saveSession', how)
    await client.drop()
    await clock.advance(10)
    assert(told.includes('storeError ANAX_ERR_STORE'), String(told))
  },
  ['memory'],
)

for (const name of ['expiredSessions', 'dueWills', 'sweep']) {
  failing(
    `${name} fails: an event reports it, and the store is called again later`,
    async ({ broker, failing, connect, how, told, clock }) => {
      const away = await connect('away', 'kept')
      await away.subscribe({ topic: 'a', qos: 1 })
      await away.disconnect()
      await clock.advance(10)
      await broker.publish({ topic: 'a', qos: 1, properties: { messageExpiryInterval: 5 } })
      const gone = new Promise(resolve => broker.once('drop', resolve))
      failing.fail(name, how)
      await clock.advance(5100)
      assert(told.includes('storeError ANAX_ERR_STORE'), String(told))
      assert.equal(told.length, 1, 'not at once')
      await clock.advance(1100)
      assert.equal(told.length, 2)
      failing.fail(undefined)
      await clock.advance(60_000)
      await gone
    },
    ['memory'],
  )
}

failing('broker.publish is rejected', async ({ broker, failing, connect, how }) => {
  const away = await connect('away', 'kept')
  await away.subscribe({ topic: 'a', qos: 1 })
  failing.fail('subscriptionsByTopic', how)
  await assert.rejects(broker.publish({ topic: 'a', qos: 1 }), { code: 'ANAX_ERR_STORE' })
  failing.fail('storeRetained', how)
  await assert.rejects(broker.publish({ topic: 'a', retain: true, payload: 'x' }), { code: 'ANAX_ERR_STORE' })
})

for (const how of FAILURES.filter(failure => failure !== 'throws')) {
  test(`a store that cannot be set up rejects createBroker (${how})`, async () => {
    const store = failingStore(STORES.memory!(new FakeClock()))
    store.fail('setup', how)
    await assert.rejects(createBroker({ persistence: store.store }), { code: 'ANAX_ERR_STORE' })
  })
}
