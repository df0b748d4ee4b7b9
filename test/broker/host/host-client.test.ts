/** Clients within the process: sessions, acknowledgements, shared subscriptions, wills, and no hooks. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { FakeClock, startTestBroker } from '../../../lib/testing/index.js'

const refuseAll = {
  preConnect: () => false,
  authenticate: () => false,
  authorizePublish: () => false,
  authorizeSubscribe: () => false,
  authorizeForward: () => null,
} as const

describe('broker.client()', () => {
  it('calls no hooks except `published`, unless an option says so', async () => {
    const told: unknown[] = []
    await using t = await startTestBroker({ ...refuseAll, published: (_packet, client) => void told.push(client?.id) })
    const client = await t.broker.client({ clientId: 'inside' })
    await client.subscribe('#', { qos: 1 })
    await client.publish('a', 'x', { qos: 1 })
    assert.equal((await client.next()).text, 'x')
    assert.deepEqual(told, ['inside'])
    assert.ok('inside' in t.broker.clients)
    await assert.rejects(t.broker.client({ hooks: 'ask' }), { code: 'ANAX_ERR_REFUSED' })
    await assert.rejects(t.client(), { code: 'ANAX_ERR_REFUSED' })
  })

  it('has a delayed will that no hook refuses', async () => {
    const clock = new FakeClock()
    const broker = await createBroker({ ...refuseAll, clock })
    const received: string[] = []
    await broker.subscribe('will', ({ payload }, done) => {
      received.push(payload.toString())
      done()
    })
    const will = { topic: 'will', payload: 'gone', qos: 1 as const, properties: { willDelayInterval: 10 } }
    const client = await broker.client({ will, properties: { sessionExpiryInterval: 60 } })
    const left = once(broker, 'clientDisconnect')
    client.destroy()
    await left
    await clock.advance(20_000)
    assert.deepEqual(received, ['gone'])
    await broker.close()
  })

  it('may publish below $SYS, unlike other clients', async () => {
    const broker = await createBroker()
    const client = await broker.client()
    await client.publish('$SYS/uptime', '1', { qos: 1 })
    const other = await broker.client({ hooks: 'ask' })
    await assert.rejects(other.publish('$SYS/uptime', '1', { qos: 1 }), { reasonCode: 0x87 })
    await broker.close()
  })

  it('acknowledges when its listener is done; unfinished messages are redelivered to the session', async () => {
    const broker = await createBroker()
    const options = { clientId: 'worker', clean: false, properties: { sessionExpiryInterval: 60 } }
    const client = await broker.client(options)
    let done = () => {}
    const handled = new Promise<void>(resolve => {
      done = resolve
    })
    await client.subscribe('jobs/#', { qos: 2 }, () => handled)
    await broker.publish({ topic: 'jobs/1', payload: 'x', qos: 2 })
    client.destroy()
    await client.ended
    const again = await broker.client(options)
    await again.subscribe('jobs/#', { qos: 2 }, () => handled)
    const acknowledged = once(broker, 'ack')
    done()
    await acknowledged
    await broker.close()
  })

  it('can have shared subscriptions and a will', async () => {
    const broker = await createBroker()
    const [one, two, watcher] = await Promise.all([
      broker.client({ will: { topic: 'gone', payload: 'one' } }),
      broker.client(),
      broker.client(),
    ])
    await watcher.subscribe('gone')
    const counts = { one: 0, two: 0 }
    await one.subscribe('$share/g/jobs', { qos: 1 }, () => counts.one++)
    await two.subscribe('$share/g/jobs', { qos: 1 }, () => counts.two++)
    for (let i = 0; i < 10; i++) await watcher.publish('jobs', '', { qos: 1 })
    while (counts.one + counts.two < 10) await once(broker, 'ack')
    assert.deepEqual(counts, { one: 5, two: 5 })
    one.destroy()
    assert.equal((await watcher.next()).text, 'one')
    await broker.close()
  })

  it('ends with the broker, and cannot be created on a closed one', async () => {
    const broker = await createBroker()
    const client = await broker.client()
    await broker.close()
    assert.equal((await client.ended).packet?.reasonCode, 0x8b)
    await assert.rejects(broker.client(), { code: 'ANAX_ERR_CLOSED' })
  })
})
