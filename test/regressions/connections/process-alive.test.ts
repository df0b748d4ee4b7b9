/**
 * Calls that wait for a client within the process keep the process alive: otherwise it would end, and they would never
 * resolve. A broker without pending calls does not keep it alive.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { SpecClient } from '../../support/clients/spec-client.js'

/** The number of timers that keep this process alive. */
const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

/** A client that stops reading. */
async function frozen(broker: Broker): Promise<SpecClient> {
  const client = new SpecClient(broker, 4)
  await client.connect({ clientId: 'frozen' })
  await client.subscribe({ topic: 't', qos: 0 })
  client.stream.pause()
  return client
}

test('an idle broker does not keep the process alive', async () => {
  const before = timers()
  const broker = await createBroker()
  assert.equal(timers(), before)
  await broker.close()
})

for (const qos of [0, 1] as const) {
  test(`a pending broker.publish keeps the process alive (QoS ${qos})`, async () => {
    const broker = await createBroker()
    const client = await frozen(broker)
    const before = timers()
    const published = Array.from({ length: 30 }, () =>
      broker.publish({ topic: 't', payload: Buffer.alloc(100_000), qos }),
    )
    await new Promise(setImmediate)
    assert.ok(timers() > before)
    await Promise.all(published)
    assert.equal(timers(), before)
    client.stream.destroy()
    await broker.close()
  })
}

test('a pending broker.close keeps the process alive', async () => {
  const broker = await createBroker({ closeTimeoutMs: 50 })
  const client = await frozen(broker)
  const before = timers()
  const closing = broker.close()
  assert.equal(timers(), before + 1)
  await closing
  assert.equal(timers(), before)
  client.stream.destroy()
})
