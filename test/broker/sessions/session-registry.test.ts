/**
 * One client identifier, many connections: sessions are taken over, released and ended one after the other, while the
 * store is slow.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Client } from '../../../types/client/client.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { receiveAll, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const turns = async (count = 10) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** A broker on a store in which the answers to one operation wait until the test releases them. */
async function held(name: string) {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  const waiting: (() => void)[] = []
  let holds = false
  const persistence = new Proxy(store, {
    get(target, key) {
      const value = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (!holds || key !== name) return value.apply(target, args)
        const outcome = value.apply(target, args)
        return new Promise(resolve => waiting.push(() => resolve(outcome)))
      }
    },
  })
  const broker = await createBroker({ clock, persistence: persistence as AedesPersistence })
  const errors: unknown[] = []
  broker.on('storeError', error => errors.push(error))
  return {
    broker,
    clock,
    waiting,
    hold: () => {
      holds = true
    },
    letGo: () => {
      holds = false
      for (const go of waiting.splice(0)) go()
    },
    connect: async (clientId: string, expiry = 100) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId, ...keptSession(5, expiry) })
      return client
    },
    close: async () => {
      const closing = broker.close()
      await clock.advance(60_000)
      await closing
      assert.deepEqual(errors, [])
    },
  }
}

test('a client that reconnects while its session is being released gets it afterwards', async () => {
  const { broker, connect, hold, letGo, close, waiting } = await held('saveSession')
  const first = await connect('client')
  await first.subscribe({ topic: 'a', qos: 1 })
  hold()
  first.stream.destroy()
  await turns()
  assert.equal(waiting.length, 1)
  const second = new SpecClient(broker, 5)
  const connack = second.connect({ clientId: 'client', ...keptSession(5) })
  await turns()
  letGo()
  assert.equal((await connack).sessionPresent, true)
  await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
  assert.deepEqual((await receiveAll(second)).map(textOf), ['x'])
  assert.equal(broker.connectedClients, 1)
  await close()
})

test('of clients that connect simultaneously with one identifier the last one stays, and the others are disconnected with the reason', async () => {
  const { broker, connect, clock, close } = await held('')
  const first = await connect('client')
  await first.subscribe({ topic: 'a', qos: 1 })
  const clients = Array.from({ length: 5 }, () => new SpecClient(broker, 5))
  const connacks = clients.map(client =>
    client.connect({ clientId: 'client', ...keptSession(5) }).catch(() => undefined),
  )
  await Promise.all(connacks)
  await clock.advance(2000)
  assert.deepEqual(
    clients.map(({ isClosed }) => isClosed),
    [true, true, true, true, false],
  )
  await first.expectDisconnect(0x8e)
  assert.equal(broker.connectedClients, 1)
  await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
  assert.deepEqual((await receiveAll(clients[4]!)).map(textOf), ['x'])
  await close()
})

test('a session survives takeovers with a slow store, slow hooks and slow clients, and loses nothing', async () => {
  const clock = new FakeClock()
  const inner = createMemoryPersistence({ now: () => clock.now() })
  let next = 0
  const persistence = slowStore(inner, { clock, effect: 'late', next: () => next++ % 4 })
  await whileTimePasses(clock, async () => {
    const broker = await createBroker({ clock, persistence })
    const dial = async () => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: 'client', ...keptSession(5) })
      return client
    }
    let client = await dial()
    await client.subscribe({ topic: 'a', qos: 1 })
    const got = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const published = broker.publish({ topic: 'a', payload: String(i), qos: 1 })
      if (i % 3 === 0) client = await dial()
      await published
      for (const message of await receiveAll(client)) got.add(textOf(message))
    }
    for (let round = 0; round < 500 && got.size < 20; round++) {
      for (const message of await receiveAll(client)) got.add(textOf(message))
    }
    assert.equal(got.size, 20)
    await broker.close()
  })
})

test('a connection that ends before it is accepted does not take over a session', async () => {
  const { broker, hold, letGo, close, waiting } = await held('openSession')
  const clients: Client[] = []
  broker.preConnect = client => clients.push(client) > 0
  hold()
  const [second, third] = [new SpecClient(broker, 5), new SpecClient(broker, 5)]
  const connack = second.connect({ clientId: 'client' })
  third.connect({ clientId: 'client' }).catch(() => {})
  await turns()
  assert.equal(waiting.length, 1)
  // it waits behind the other one, and is closed
  const closed = clients[1]!.close()
  letGo()
  assert.equal((await connack).reasonCode, 0)
  await closed
  await turns()
  assert.equal(second.isClosed, false)
  assert.equal(broker.connectedClients, 1)
  await close()
})

test('a new session is not removed together with an expired one of the same client', async () => {
  const { broker, connect, clock, hold, letGo, close } = await held('deleteSession')
  const ended: string[] = []
  broker.on('sessionEnded', (clientId, reason) => ended.push(`${clientId} ${reason}`))
  for (const clientId of ['one', 'two']) {
    const client = await connect(clientId, 10)
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.drop()
  }
  await turns()
  hold()
  await clock.advance(11_000)
  // the first of the two is being ended; the other connects and disconnects
  const back = new SpecClient(broker, 5)
  const connack = back.connect({ clientId: 'two', ...keptSession(5, 1000) })
  await turns()
  letGo()
  assert.equal((await connack).sessionPresent, false)
  await back.subscribe({ topic: 'a', qos: 1 })
  await back.drop()
  await turns(30)
  await clock.advance(1000)
  assert.deepEqual(ended, ['one expired', 'two expired'])
  await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
  assert.deepEqual((await receiveAll(await connect('two'))).map(textOf), ['x'])
  await close()
})

test('a pipelined UNSUBSCRIBE removes what the SUBSCRIBE before it is still storing', async () => {
  const { broker, connect, hold, letGo, close } = await held('addSubscriptions')
  const client = await connect('client')
  hold()
  client.send(
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] },
    { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] },
  )
  await turns()
  letGo()
  await client.expect('suback')
  assert.deepEqual((await client.expect('unsuback')).granted, [0])
  await client.drop()
  await turns()
  await broker.publish({ topic: 'a', qos: 1 })
  assert.deepEqual(await receiveAll(await connect('client')), [])
  await close()
})

/** The hooks that may be pending when the host closes a client. */
const HOOKS = ['preConnect', 'authenticate', 'authenticateExtended', 'authorizeSubscribe'] as const

for (const hook of HOOKS) {
  for (const verdict of ['yes', 'no'] as const) {
    spec(
      `a client that is closed while ${hook} is pending stays disconnected, whatever the verdict (${verdict})`,
      [5],
      async scene => {
        const { broker, clock, connect } = scene
        await (await connect('client', keptSession(5))).subscribe({ topic: 'a', qos: 1 })
        await broker.clients.client!.close()
        await closeWhile(broker, hook, verdict)
        await clock.advance(2000)
        assert.equal(broker.connectedClients, 0)
        broker[hook] = undefined
        const { sessionPresent } = await new SpecClient(broker, 5).connect({ clientId: 'client', ...keptSession(5) })
        assert.equal(sessionPresent, true)
      },
    )
  }
}

async function closeWhile(broker: Broker, hook: (typeof HOOKS)[number], verdict: 'yes' | 'no'): Promise<void> {
  let answer = () => {}
  let close = () => Promise.resolve()
  const thinks = (client: { close(): Promise<void> }) => {
    close = () => client.close()
    const said = hook === 'authenticateExtended' ? extended(verdict) : verdict === 'yes'
    return new Promise(resolve => {
      answer = () => resolve(said)
    })
  }
  broker[hook] = thinks as never
  const method = hook === 'authenticateExtended' ? { authenticationMethod: 'm' } : {}
  const client = new SpecClient(broker, 5)
  const kept = keptSession(5)
  client.connect({ clientId: 'client', ...kept, properties: { ...kept.properties, ...method } }).catch(() => {})
  await turns()
  let closed = false
  const closing = close().then(() => {
    closed = true
  })
  await turns()
  answer()
  await turns()
  assert.equal(closed, true)
  await closing
}

function extended(verdict: 'yes' | 'no') {
  return { result: verdict === 'yes' ? 'continue' : 'refuse' }
}
