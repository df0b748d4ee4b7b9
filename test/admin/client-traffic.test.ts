/** Messages per second of each client, and the busiest clients, with a fake clock. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { ClientTraffic } from '../../lib/admin/client-traffic.js'
import { type Broker, createBroker } from '../../lib/index.js'
import { connectTo } from '../support/brokers/several.js'
import type { SpecClient } from '../support/clients/spec-client.js'

describe('the traffic of clients', () => {
  let broker: Broker
  let traffic: ClientTraffic
  let clients: Record<'busy' | 'calm' | 'idle', SpecClient>
  let now: number

  beforeEach(async () => {
    now = 1_000_000
    broker = await createBroker()
    const busy = await connectTo(broker, 'busy')
    traffic = new ClientTraffic(broker, 0, () => now)
    clients = { busy, calm: await connectTo(broker, 'calm'), idle: await connectTo(broker, 'idle') }
    await busy.subscribe({ topic: 'to-busy', qos: 1 })
  })
  afterEach(async () => {
    traffic.close()
    await broker.close()
  })

  const send = async (name: 'busy' | 'calm', count: number) => {
    for (let sent = 0; sent < count; sent++) await clients[name].publish({ topic: 't', qos: 1 })
  }
  const deliver = async () => {
    await broker.publish({ topic: 'to-busy' })
    await clients.busy.expect('publish')
  }
  const ratesOf = (clientId: string) => traffic.ratesOf(broker.clients[clientId]!)
  const namesOf = async (order: 'received' | 'sent' | 'drops', limit = 10) => {
    return (await traffic.top(order, limit)).map(({ id }) => id)
  }

  it('is the traffic per second since the last reading', async () => {
    await send('busy', 3)
    assert.equal(ratesOf('busy'), undefined)
    await send('busy', 6)
    for (let sent = 0; sent < 3; sent++) await deliver()
    now += 4000
    assert.deepEqual(ratesOf('busy'), { receivedPerSecond: 1.5, sentPerSecond: 0.75 })
    now += 60_000
    assert.equal(ratesOf('busy'), undefined)
  })

  it('orders clients, and omits those without traffic', async () => {
    assert.deepEqual(await namesOf('received'), [])
    await send('calm', 2)
    await send('busy', 5)
    await deliver()
    now += 1000
    assert.deepEqual(await namesOf('received'), ['busy', 'calm'])
    await send('calm', 9)
    now += 1000
    assert.deepEqual(await namesOf('received', 1), ['calm'])
    await deliver()
    now += 1000
    assert.deepEqual(await namesOf('sent'), ['busy'])
    assert.deepEqual(await namesOf('drops'), [])
  })

  it('ends with the client', async () => {
    await send('calm', 1)
    await namesOf('received')
    await send('calm', 1)
    await clients.calm.disconnect()
    now += 1000
    assert.deepEqual(await namesOf('received'), [])
  })

  it('is measured anew if the last reading is forgotten', async () => {
    await namesOf('received')
    now += 60_000
    traffic.forget()
    assert.equal(ratesOf('busy'), undefined)
    now += 1000
    await send('busy', 1)
    now += 1000
    assert.deepEqual(ratesOf('busy'), { receivedPerSecond: 0.5, sentPerSecond: 0 })
  })

  it('reads thousands of clients in several turns', async () => {
    const many = Array.from({ length: 1200 }, (_, number) => connectTo(broker, `many-${number}`))
    const last = (await Promise.all(many)).at(-1)!
    await traffic.top('received', 1)
    await last.publish({ topic: 't', qos: 1 })
    now += 1000
    let hasOthersTurn = false
    setImmediate(() => {
      hasOthersTurn = true
    })
    assert.deepEqual(await namesOf('received', 1), ['many-1199'])
    assert.ok(hasOthersTurn)
  })
})
