/**
 * Two brokers that share a Redis, as bus and as store: one sees what the other stores, each warns once that the store
 * is shared, and neither removes what the other has left.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { AedesPersistence, StoreHost } from '../../../types/persistence.js'
import { acknowledge, receiveTexts, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { Redis, withoutRedis } from '../../support/programs/redis.js'
import { keptSession } from '../../support/spec.js'

const require = createRequire(import.meta.url)

const SHARED = 'ANAX_WARN_SHARED_STORE'

describe('two brokers on one Redis', { skip: withoutRedis }, () => {
  let redis: Redis
  const brokers: Broker[] = []
  let warnings: (Error & { code?: string })[] = []
  const warned = (warning: Error) => warnings.push(warning)

  before(async () => {
    redis = await Redis.start()
    process.on('warning', warned)
  })
  beforeEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close()
    redis.clear()
    warnings = []
  })
  after(async () => {
    process.off('warning', warned)
    for (const broker of brokers) await broker.close()
    await redis.stop()
  })

  async function start(id: string, options = {}): Promise<Broker> {
    const Persistence = require('aedes-persistence-redis-12/asyncPersistence.js')
    const persistence = new Persistence({ path: redis.path, ...options }) as AedesPersistence
    const broker = await createBroker({ id, mq: await redis.bus(), persistence })
    brokers.push(broker)
    return broker
  }

  async function connect(broker: Broker, clientId: string, packet = {}): Promise<SpecClient> {
    const client = new SpecClient(broker)
    await client.connect({ clientId, ...keptSession(5), ...packet })
    return client
  }

  const isShared = ({ code }: { code?: string }) => code === SHARED

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise(resolve => setImmediate(resolve))
  }

  it('each report once that they share the store', async () => {
    await start('a')
    await start('b')
    await until(() => warnings.filter(isShared).length === 2)
    assert.deepEqual(warnings.map(({ message }) => /^broker . shares the store/.exec(message)?.[0]).sort(), [
      'broker a shares the store',
      'broker b shares the store',
    ])
    await start('c')
    await until(() => warnings.filter(isShared).length === 3)
  })

  it('queue messages for disconnected sessions of either broker', async () => {
    const [a, b] = [await start('a'), await start('b')]
    const away = await connect(a, 'away')
    await away.subscribe({ topic: 'x', qos: 1 })
    await away.drop()
    await until(() => a.connectedClients === 0)
    await away.closed()
    await b.publish({ topic: 'x', payload: 'from b', qos: 1 })
    await a.publish({ topic: 'x', payload: 'from a', qos: 1 })
    const back = await connect(b, 'away')
    const received = [textOf(await back.expect('publish')), textOf(await back.expect('publish'))]
    assert.deepEqual(received.sort(), ['from a', 'from b'])
  })

  for (const qos of [1, 2] as const) {
    it(`send each message once and in order if a queue is longer than the store shows at a time, QoS ${qos}`, async () => {
      const [a, b] = [await start('a', { maxSessionDelivery: 100 }), await start('b')]
      const { properties, ...kept } = keptSession(5)
      const slow = await connect(a, 'slow', { ...kept, properties: { ...properties, receiveMaximum: 1 } })
      await slow.subscribe({ topic: 'x', qos })
      const witness = await connect(a, 'witness', { clean: true, properties: {} })
      await witness.subscribe({ topic: 'x', qos: 0 })
      const texts = Array.from({ length: 150 }, (_, number) => `${number}`)
      await b.publish({ topic: 'x', payload: texts[0]!, qos })
      await slow.expect('publish')
      await Promise.all(texts.slice(1).map(payload => b.publish({ topic: 'x', payload, qos })))
      // a message is delivered once it is queued
      for (const text of texts) assert.equal(textOf(await witness.expect('publish')), text)
      await slow.drop()
      await slow.closed()
      await until(() => a.clients.slow === undefined)
      const back = await connect(a, 'slow', { ...kept, properties })
      const received: string[] = []
      for (let packets = qos * texts.length; packets > 0; packets--) {
        const packet = await back.next()
        if (packet.cmd === 'pubrel') back.send({ cmd: 'pubcomp', messageId: packet.messageId })
        if (packet.cmd !== 'publish') continue
        received.push(textOf(packet))
        acknowledge(back, packet)
      }
      assert.deepEqual(received, texts)
      await back.expectNothing()
    })
  }

  it('do not publish the wills of each other', async () => {
    const a = await start('a')
    await connect(a, 'alive', { will: { topic: 'will', payload: Buffer.from('x'), qos: 1, retain: true } })
    const b = await start('b')
    const watcher = await connect(b, 'watcher')
    await watcher.subscribe({ topic: 'will', qos: 1 })
    assert.deepEqual(await receiveTexts(watcher), [])
    assert.equal(redis.keys().includes('will:a:alive'), true)
  })
})

describe('brokers that share a store without a bus', () => {
  it('find each other within a minute, and report it once, but not a broker that has closed', async () => {
    const Persistence = require('aedes-persistence/asyncPersistence.js')
    const store = new Persistence() as AedesPersistence
    // the first that stops must not empty the store of the other
    store.destroy = async () => {}
    const clock = new FakeClock()
    const warnings: string[] = []
    const warned = (warning: Error & { code?: string }) => {
      if (warning.code === SHARED) warnings.push(/^broker . shares the store/.exec(warning.message)![0])
    }
    process.on('warning', warned)
    const start = (id: string) => createBroker({ id, clock, persistence: store })
    const minute = async () => {
      await clock.advance(60_000)
      // a warning is emitted in the next turn
      await new Promise(resolve => setImmediate(resolve))
    }
    const [gone, a] = [await start('g'), await start('a')]
    await gone.close()
    await minute()
    assert.deepEqual(warnings, [])
    const b = await start('b')
    for (let minutes = 0; minutes < 3; minutes++) await minute()
    assert.deepEqual(warnings.sort(), ['broker a shares the store', 'broker b shares the store'])
    await Promise.all([a.close(), b.close()])
    process.off('warning', warned)
  })
})

describe('a store of Aedes', () => {
  it('gets no messages of clients, and clients get no messages between stores', async () => {
    const told: string[] = []
    let host: StoreHost | undefined
    const Persistence = require('aedes-persistence/asyncPersistence.js')
    class Telling extends Persistence {
      async setup(broker: StoreHost) {
        host = broker
        broker.subscribe(
          '$SYS/told/+',
          ({ topic }, done) => {
            told.push(topic)
            done()
          },
          () => {},
        )
      }
    }
    const broker = await createBroker({ id: 'a', persistence: new Telling() as unknown as AedesPersistence })
    const client = new SpecClient(broker)
    await client.connect()
    await client.subscribe({ topic: '$SYS/#', qos: 0 })
    host!.publish({ topic: '$SYS/told/1', payload: 'x' }, () => {})
    await client.publish({ topic: '$SYS/told/2', qos: 1 })
    const events: string[] = []
    host!.on('clientDisconnect', () => events.push('clientDisconnect'))
    await client.disconnect()
    await broker.close()
    assert.deepEqual([host!.id, told, events], ['a', ['$SYS/told/1'], ['clientDisconnect']])
  })
})
