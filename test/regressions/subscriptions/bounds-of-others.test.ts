/** What others can accumulate: messages of a bus while the store does not answer, and streams without CONNECT. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import mqemitter from 'mqemitter'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { type AnaxError, type Bus, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { heldStore } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

test('messages of a bus of the application are limited while the store does not answer, and each drop is reported', async () => {
  const held = heldStore(createMemoryPersistence())
  const mq = mqemitter() as unknown as Bus
  const broker = await createBroker({
    mq,
    persistence: held.store,
    storeTimeoutMs: 0,
    maxQueuedMessages: 100_000,
    maxInflight: 65_535,
  })
  const client = new SpecClient(broker, 5)
  await client.connect({ clientId: 'c', ...keptSession(5) })
  await client.subscribe({ topic: 't', qos: 1 })
  const drops: string[] = []
  broker.on('drop', ({ clientId, reason }) => drops.push(`${clientId} ${reason}`))
  held.hold('enqueue')
  for (let i = 1; i <= 12_000; i++) {
    const message = { cmd: 'publish', topic: 't', payload: Buffer.from(String(i)), qos: 1, retain: false }
    mq.emit({ ...message, brokerId: 'other', brokerCounter: i })
  }
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(drops.length, 2000)
  assert.deepEqual([...new Set(drops)], ['c store-full'])
  assert.equal(held.waiting.length, 10_000)
  held.letGo()
  for (let i = 1; i <= 10_000; i++) {
    const { payload, messageId } = await client.expect('publish')
    assert.equal(String(payload), String(i))
    client.send({ cmd: 'puback', messageId: messageId! })
  }
  mq.emit({
    ...{ cmd: 'publish', topic: 't', payload: Buffer.from('later'), qos: 1, retain: false },
    ...{ brokerId: 'other', brokerCounter: 20_000 },
  })
  assert.equal(String((await client.expect('publish')).payload), 'later')
  await broker.close()
})

test('streams before CONNECT count for maxConnections, with some tolerance', async () => {
  const broker = await createBroker({ maxConnections: 2 })
  const errors: AnaxError[] = []
  broker.on('connectionError', (_client, error) => errors.push(error))
  const streams = Array.from({ length: 30 }, () => {
    const [near, far] = duplexPair()
    near.resume()
    broker.handle(far)
    return near
  })
  await Promise.all(streams.slice(18).map(stream => stream.closed || once(stream, 'close')))
  assert.equal(errors.length, 12)
  assert.ok(errors.every(({ code }) => code === 'ANAX_ERR_SERVER_BUSY'))
  for (const stream of streams.slice(0, 18)) stream.destroy()
  await new Promise(resolve => setImmediate(() => setImmediate(() => setImmediate(resolve))))
  await new SpecClient(broker, 5).connect()
  await broker.close()
})
