/** `broker.close()`: while the broker opens, while the store hangs or fails, while the bus does; it always ends. */
import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import mqemitter from 'mqemitter'
import { Broker, createBroker } from '../../lib/index.js'
import { createMemoryPersistence } from '../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { Bus } from '../../types/bus.js'
import type { Client } from '../../types/client/client.js'
import type { AedesPersistence } from '../../types/persistence.js'
import { failingStore, slowStore, whileTimePasses } from '../support/brokers/stores.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { keptSession } from '../support/spec.js'

/** A store in which one operation never ends, from the moment the test says so. */
function hanging(clock: FakeClock, name: string) {
  const store = createMemoryPersistence({ now: () => clock.now() })
  let hangs = false
  const proxy = new Proxy(store, {
    get(target, key) {
      const value = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => (hangs && key === name ? new Promise(() => {}) : value.apply(target, args))
    },
  })
  const hang = () => {
    hangs = true
  }
  return { store: proxy as AedesPersistence, hang }
}

async function closes(broker: Broker, clock: FakeClock): Promise<void> {
  let done = false
  let told = 0
  broker.on('closed', () => told++)
  broker.close().then(() => {
    done = true
  })
  for (let i = 0; i < 30 && !done; i++) await clock.advance(1000)
  assert.equal(done, true, 'close ended')
  assert.deepEqual([broker.closed, told], [true, 1])
}

for (const name of ['sweep', 'expiredSessions', 'dueWills', 'enqueue', 'saveSession', 'deleteWill', 'storeRetained']) {
  test(`a broker whose store never completes ${name} still closes`, async () => {
    const clock = new FakeClock()
    const { store, hang } = hanging(clock, name)
    const broker = await createBroker({ clock, persistence: store })
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    const client = new SpecClient(broker, 5)
    await client.connect({ clientId: 'client', will, ...keptSession(5) })
    await client.subscribe({ topic: 'a', qos: 1 })
    await broker.publish({ topic: 'r', payload: 'x', retain: true, properties: { messageExpiryInterval: 5 } })
    hang()
    client.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId: 1, retain: true, dup: false })
    await clock.advance(6000)
    await closes(broker, clock)
    assert.equal(client.isClosed, true)
  })
}

for (const how of ['throws', 'rejects'] as const) {
  test(`if the store ${how} when it is closed, an event reports it and the broker is closed`, async () => {
    const clock = new FakeClock()
    const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
    const broker = await createBroker({ clock, persistence: store.store })
    const told: string[] = []
    broker.on('storeError', ({ code }) => told.push(code))
    store.fail('destroy', how)
    await closes(broker, clock)
    assert.deepEqual(told, ['ANAX_ERR_STORE'])
  })
}

function busWith(close: Bus['close']): BrokerOptions {
  const mq = mqemitter() as unknown as Bus
  mq.close = close
  return { mq }
}

test('if the bus throws when it is closed, an event reports it and the store is closed', async () => {
  const clock = new FakeClock()
  const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
  const bus = busWith(() => {
    throw new Error('on purpose')
  })
  const broker = await createBroker({ clock, persistence: store.store, ...bus })
  const told: string[] = []
  broker.on('storeError', ({ code }) => told.push(code))
  await closes(broker, clock)
  assert.deepEqual(told, ['ANAX_ERR_BUS'])
  assert.equal(store.calls.at(-1), 'destroy')
})

test('closing does not wait forever for a bus that never closes', async () => {
  const clock = new FakeClock()
  const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
  const broker = await createBroker({ clock, persistence: store.store, ...busWith(() => {}) })
  await closes(broker, clock)
  assert.equal(store.calls.at(-1), 'destroy')
})

test('a broker that is closed while it starts is closed afterwards', async () => {
  const clock = new FakeClock()
  const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
  const broker = new Broker({ clock, persistence: store.store })
  const opening = broker.listen()
  await assert.rejects(broker.listen(), { code: 'ANAX_ERR_LISTEN', message: /Cannot listen: .*started already/ })
  assert.throws(() => new SpecClient(broker, 5), { code: 'ANAX_ERR_NOT_LISTENING' })
  await closes(broker, clock)
  await opening
  assert.equal(store.calls.at(-1), 'destroy')
})

test('a broker that failed to start may be started again, or closed', async () => {
  const clock = new FakeClock()
  const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
  const broker = new Broker({ clock, persistence: store.store })
  store.fail('setup', 'rejects')
  await assert.rejects(broker.listen(), { code: 'ANAX_ERR_STORE' })
  assert.equal(broker.closed, true)
  store.fail(undefined)
  await broker.listen()
  assert.equal(broker.closed, false)
  await closes(broker, clock)
})

test('streams that do not end in time are destroyed', async () => {
  const clock = new FakeClock()
  const broker = await createBroker({ clock, closeTimeoutMs: 50 })
  const frozen = new SpecClient(broker, 5)
  await frozen.connect({ clientId: 'frozen' })
  await frozen.subscribe({ topic: 'a', qos: 0 })
  const { conn } = broker.clients.frozen!
  frozen.stream.pause()
  for (let i = 0; i < 50; i++) await broker.publish({ topic: 'a', payload: 'x'.repeat(10_000) })
  await closes(broker, clock)
  assert.equal(conn.destroyed, true)
  assert.equal(clock.pendingTimers, 0)
})

test('a stream that is passed to a closing or closed broker is destroyed, and no listener remains on it', async () => {
  const clock = new FakeClock()
  const { store, hang } = hanging(clock, 'saveSession')
  const broker = await createBroker({ clock, persistence: store })
  const client = new SpecClient(broker, 5)
  await client.connect({ clientId: 'client', ...keptSession(5) })
  hang()
  const handed: Duplex[] = []
  const handOver = () => {
    // like TLS in the middle of a handshake, it does not end by itself
    const stream = new Duplex({ read() {}, write() {}, final() {} })
    handed.push(stream)
    return broker.handle(stream)
  }
  const clients: Client[] = []
  let done = false
  broker.close().then(() => {
    done = true
  })
  for (let after = 0; after < 3; after += done ? 1 : 0) {
    clients.push(handOver())
    await clock.advance(100)
  }
  await clock.advance(5000)
  for (const [index, stream] of handed.entries()) {
    assert.equal(stream.destroyed, true, `stream ${index}`)
    assert.equal(clients[index]?.closed, true, `client ${index}`)
    assert.equal(stream.listenerCount('data'), 0)
  }
  assert.equal(clock.pendingTimers, 0)
})

test('messages that the application published before closing the broker are delivered', async () => {
  const clock = new FakeClock()
  const inner = createMemoryPersistence({ now: () => clock.now() })
  const persistence = slowStore(inner, { clock, effect: 'late', next: () => 100 })
  const broker = await whileTimePasses(clock, () => createBroker({ clock, persistence }))
  const published = ['1', '2', '3'].map(payload =>
    broker.publish({ topic: 'a', payload, qos: 1, retain: true, properties: { messageExpiryInterval: 10_000 } }),
  )
  const outcomes = Promise.allSettled(published)
  const retained = () => [...inner.retained(['a'])].map(({ payload }) => String(payload))
  let stored: string[] = []
  inner.destroy = () => {
    stored = retained()
  }
  await closes(broker, clock)
  assert.deepEqual(
    (await outcomes).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled'],
  )
  assert.deepEqual(stored, ['3'])
})

test('a broker that fails to start because its store cannot be read closes the store', async () => {
  const clock = new FakeClock()
  const store = failingStore(createMemoryPersistence({ now: () => clock.now() }))
  const broker = new Broker({ clock, persistence: store.store })
  store.fail('recover', 'rejects')
  await assert.rejects(broker.listen(), { code: 'ANAX_ERR_STORE' })
  await broker.close()
  assert.equal(store.calls.at(-1), 'destroy')
  await assert.rejects(broker.listen(), { code: 'ANAX_ERR_CLOSED' })
})

test('a createBroker call that fails leaves no store open', async () => {
  const store = failingStore(createMemoryPersistence())
  store.fail('recover')
  await assert.rejects(createBroker({ persistence: store.store }), { code: 'ANAX_ERR_STORE' })
  assert.equal(store.calls.at(-1), 'destroy')
})

test('a broker that was never started can be closed', async () => {
  const store = failingStore(createMemoryPersistence())
  const broker = new Broker({ persistence: store.store })
  await broker.close()
  assert.deepEqual([broker.closed, store.calls], [true, []])
})
