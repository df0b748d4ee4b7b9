/** The test kit for applications: clients, messages, connections, faults, and no leaks at the end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import mqemitter from 'mqemitter'
import { connectAsync, MqttClient } from 'mqtt'
import { type Bus, createMemoryPersistence, ReasonCode } from '../../lib/index.js'
import { FakeClock, startTestBroker, type TestBroker } from '../../lib/testing/index.js'

/** Closes the kit and reports leaks. */
async function leaveNothing(t: TestBroker): Promise<void> {
  await t.close()
  assert.deepEqual(t.leaks(), [])
}

function emitted(client: MqttClient, event: 'connect' | 'close'): Promise<void> {
  return new Promise(resolve => client.once(event, () => resolve()))
}

describe('a broker for tests', () => {
  it('connects MQTT.js, and returns messages published before and after the call', async () => {
    const t = await startTestBroker()
    const lamp = await t.connect(MqttClient, { clientId: 'lamp', protocolVersion: 5 })
    lamp.on('message', (topic, payload) => lamp.publish(topic.replace('/set', ''), payload, { retain: true }))
    await lamp.subscribeAsync('home/+/set')
    const waiting = t.waitFor('home/kitchen', ({ text }) => text === 'ON')
    await t.broker.publish({ topic: 'home/kitchen/set', payload: 'ON' })
    const message = await waiting
    assert.deepEqual([message.clientId, message.retain], ['lamp', true])
    assert.equal(await t.waitFor('home/kitchen'), message)
    assert.equal(t.messages.last('home/+'), message)
    assert.deepEqual(
      t.messages.map(({ topic }) => topic),
      ['home/kitchen/set', 'home/kitchen'],
    )
    assert.deepEqual(
      t.messages.of('home/+/set').map(({ text }) => text),
      ['ON'],
    )
    t.clear()
    assert.equal(t.messages.length, 0)
    assert.equal(t.messages.last(), undefined)
    await leaveNothing(t)
  })

  it('lists the arrived messages if one is missing', async () => {
    await using t = await startTestBroker()
    await assert.rejects(
      t.waitFor('a', () => true, { timeoutMs: 5 }),
      {
        code: 'ANAX_ERR_TIMEOUT',
        message: "No answer came in time: no such message on 'a' within 5 ms; nothing was published",
      },
    )
    await t.broker.publish({ topic: 'b', payload: 'something else' })
    await assert.rejects(t.waitFor('a', { timeoutMs: 5 }), /these were published:\n {2}b: something else$/)
    const waiting = assert.rejects(t.waitFor('never'), { code: 'ANAX_ERR_CLOSED' })
    await t.close()
    await waiting
  })

  it('rejects if a client is refused, with MQTT.js and with our own client', async () => {
    const t = await startTestBroker({ authenticate: (_client, username) => username === 'alice' })
    await assert.rejects(t.connect(MqttClient, { protocolVersion: 5, username: 'bob' }), { code: 0x87 })
    await assert.rejects(t.client({ username: 'bob' }), { code: 'ANAX_ERR_REFUSED', reasonCode: 0x87 })
    await t.connect(MqttClient, { username: 'alice' })
    await leaveNothing(t)
  })

  it('accepts streams and TCP clients too', async () => {
    const t = await startTestBroker()
    const own = new MqttClient(() => t.stream(), { reconnectPeriod: 0 })
    await emitted(own, 'connect')
    const { url, host, port } = await t.listen()
    assert.equal(url, `mqtt://${host}:${port}`)
    const other = await connectAsync(url, { reconnectPeriod: 0 })
    await other.publishAsync('a', 'over TCP', { qos: 1 })
    assert.equal(t.messages.last()?.text, 'over TCP')
    own.end(true)
    await leaveNothing(t)
    other.end(true)
  })

  it('shows retained messages, sessions, and all of it as plain JSON', async () => {
    await using t = await startTestBroker()
    const away = await t.client({ clientId: 'b-away', clean: false, properties: { sessionExpiryInterval: 100 } })
    await away.subscribe('x/#', { qos: 1 })
    await away.disconnect()
    const here = await t.client({ clientId: 'a-here', protocolVersion: 4 })
    await here.subscribe(['y', 'x/1'])
    await t.broker.publish({ topic: 'x/2', payload: '{"v":1}', qos: 1, retain: true })
    await t.settled()
    assert.deepEqual((await t.retained('x/+'))[0]?.json(), { v: 1 })
    const message = { topic: 'x/2', text: '{"v":1}', qos: 1, retain: true }
    assert.deepEqual(JSON.parse(JSON.stringify(await t.snapshot())), {
      clients: [{ id: 'a-here', version: 4, clean: true, keepalive: 0 }],
      sessions: [
        {
          clientId: 'a-here',
          connected: true,
          subscriptions: [
            { topic: 'x/1', qos: 0 },
            { topic: 'y', qos: 0 },
          ],
          queued: 0,
        },
        { clientId: 'b-away', connected: false, subscriptions: [{ topic: 'x/#', qos: 1 }], queued: 1 },
      ],
      retained: [message],
      messages: [message],
    })
  })

  it('restarts on the same store', async () => {
    const t = await startTestBroker()
    await t.broker.publish({ topic: 'a', payload: 'kept', retain: true })
    const { broker } = t
    await t.restart()
    assert.notEqual(t.broker, broker)
    assert.equal(broker.closed, true)
    const client = await t.client()
    await client.subscribe('a')
    assert.equal((await client.next()).text, 'kept')
    await leaveNothing(t)
  })

  it('works with a fake clock until it is closed', async () => {
    const clock = new FakeClock()
    const t = await startTestBroker({ clock })
    const client = await t.client({ keepalive: 10 })
    await t.broker.publish({ topic: 'offer', payload: '7', retain: true, properties: { messageExpiryInterval: 60 } })
    await clock.advance(61_000)
    assert.equal(client.connected, true)
    assert.deepEqual(await t.retained(), [])
    t.broker.authorizePublish = () => new Promise(() => {})
    client.publish('a', '', { qos: 1 }).catch(() => {})
    await assert.rejects(t.settled({ timeoutMs: 20 }))
    await t.close()
    assert.deepEqual(t.leaks(), ['under way: hook authorizePublish'])
  })

  it('settles when nothing is pending, and reports what is', async () => {
    const clock = new FakeClock()
    const t = await startTestBroker({ clock })
    t.faults.hook('authorizePublish', { delayMs: 1000 })
    const client = await t.client()
    const published = client.publish('a', 'x', { qos: 1 })
    await assert.rejects(t.settled({ timeoutMs: 30 }), /not settled within 30 ms: hook authorizePublish$/)
    assert.equal(t.messages.length, 0)
    await clock.advance(1000)
    await t.settled()
    assert.equal(t.messages.last()?.text, 'x')
    await published
    await leaveNothing(t)
  })

  it('reports leaks', async () => {
    const t = await startTestBroker()
    await t.client()
    const listener = () => {}
    process.on('SIGUSR2', listener)
    assert.deepEqual(t.leaks(), [
      'streams that are open: 1',
      "listeners on the process: 1 of 'SIGUSR2'",
      'timers that are set: 1',
    ])
    process.off('SIGUSR2', listener)
    await leaveNothing(t)
  })

  it('is independent of dozens of others', async () => {
    const kits = await Promise.all(Array.from({ length: 50 }, () => startTestBroker()))
    await Promise.all(
      kits.map(async (t, index) => {
        const client = await t.client({ clientId: 'same' })
        await client.subscribe('same', { qos: 1 })
        await client.publish('same', `${index}`, { qos: 1, retain: true })
        assert.equal((await client.next()).text, `${index}`)
      }),
    )
    for (const [index, t] of kits.entries()) {
      assert.deepEqual([t.broker.connectedClients, t.messages.map(({ text }) => text)], [1, [`${index}`]])
    }
    await Promise.all(kits.map(leaveNothing))
  })
})

describe('the connection of a client', () => {
  it('can be cut, after which the broker publishes the will', async () => {
    const t = await startTestBroker()
    const client = await t.connect(MqttClient, {
      will: { topic: 'status', payload: Buffer.from('gone'), qos: 0, retain: false },
    })
    const closed = emitted(client, 'close')
    t.link(client).cut()
    await closed
    assert.equal((await t.waitFor('status')).text, 'gone')
    await leaveNothing(t)
  })

  it('is restored when the client reconnects', async () => {
    const t = await startTestBroker()
    const client = await t.connect(MqttClient, { clientId: 'again', reconnectPeriod: 1 })
    t.link(client).cut()
    await emitted(client, 'connect')
    t.link(client).cut()
    await emitted(client, 'connect')
    await client.publishAsync('a', 'back', { qos: 1 })
    await leaveNothing(t)
  })

  it('can be frozen in one or both directions, and released', async () => {
    await using t = await startTestBroker()
    const client = await t.client()
    await client.subscribe('a', { qos: 1 })
    t.link(client).freeze()
    const published = client.publish('a', 'held', { qos: 1 })
    await t.settled()
    assert.equal(t.messages.length, 0)
    t.link(client).thaw('to-broker')
    await t.waitFor('a')
    await t.settled()
    assert.equal(client.buffered, 0)
    t.link(client).thaw()
    assert.equal(await published, 0)
    assert.equal((await client.next()).text, 'held')
  })

  it('can be slow, by the fake clock', async () => {
    const clock = new FakeClock()
    await using t = await startTestBroker({ clock })
    const client = await t.client()
    t.link(client).delay(100)
    const published = client.publish('a', 'late', { qos: 1 })
    await clock.advance(99)
    assert.equal(t.messages.length, 0)
    await clock.advance(2)
    assert.equal(t.messages.last()?.text, 'late')
    await clock.advance(100)
    await published
  })

  it('can be half open, which the broker notices only by the keep alive', async () => {
    const clock = new FakeClock()
    await using t = await startTestBroker({ clock })
    const client = await t.client({ clientId: 'lost', keepalive: 10, will: { topic: 'status', payload: 'gone' } })
    t.link(client).halfOpen()
    await client.ended
    await t.settled()
    assert.equal(t.broker.connectedClients, 1)
    await clock.advance(16_000)
    assert.equal(t.broker.connectedClients, 0)
    assert.equal(t.messages.last('status')?.text, 'gone')
  })

  it('can corrupt bytes, in either direction', async () => {
    await using t = await startTestBroker()
    const [first, second] = [await t.client(), await t.client()]
    const failed = once(t.broker, 'clientError')
    t.link(first).corrupt()
    await first.publish('a', 'x')
    const [, error] = await failed
    assert.equal(error.code, 'ANAX_ERR_MALFORMED')
    t.link(second).corrupt('to-client')
    await assert.rejects(second.publish('a', 'x', { qos: 1 }), { code: 'ANAX_ERR_MALFORMED' })
    assert.throws(() => t.link({}), { code: 'ANAX_ERR_ARGUMENT' })
  })
})

describe('faults', () => {
  it('refuse a given number of connections', async () => {
    await using t = await startTestBroker()
    t.faults.refuseConnects(2)
    for (let i = 0; i < 2; i++) await assert.rejects(t.client(), { reasonCode: ReasonCode.ServerUnavailable })
    await t.client()
    t.faults.refuseConnects(1, { reasonCode: ReasonCode.Banned })
    t.broker.preConnect = (_client, _packet, callback) => callback(null, true)
    await assert.rejects(t.client(), { reasonCode: ReasonCode.Banned })
    await t.client()
  })

  it('of hooks affect the n-th call, in either style, whether the hook is set or not', async () => {
    await using t = await startTestBroker({ authorizePublish: (_client, _packet, callback) => callback(null) })
    const client = await t.client()
    const fault = t.faults.hook('authorizePublish', { at: 2, error: new Error('no database') })
    const errors: unknown[] = []
    t.broker.on('hookError', ({ message }) => errors.push(message))
    await client.publish('a', '', { qos: 1 })
    await assert.rejects(client.publish('a', '', { qos: 1 }), { code: 'ANAX_ERR_PUBLISH_REFUSED' })
    await client.publish('a', '', { qos: 1 })
    assert.equal(fault.hits, 1)
    t.faults.hook('authorizeSubscribe')
    await assert.rejects(client.subscribe('a'), { code: 'ANAX_ERR_SUBSCRIBE_REFUSED' })
    await client.subscribe('a')
    assert.deepEqual(errors, [
      'A hook threw or rejected: authorizePublish: no database',
      'A hook threw or rejected: authorizeSubscribe: a fault of the hook authorizeSubscribe',
    ])
    assert.throws(() => t.faults.hook('authorizeForward', { delayMs: 1 }), { code: 'ANAX_ERR_ARGUMENT' })
  })

  it('of the store prevent acknowledgements', async () => {
    await using t = await startTestBroker()
    t.broker.on('storeError', () => {})
    const client = await t.client()
    t.faults.store({ method: 'storeRetained' })
    await assert.rejects(client.publish('a', 'x', { qos: 1, retain: true }), { code: 'ANAX_ERR_PUBLISH_REFUSED' })
    await client.publish('a', 'x', { qos: 1, retain: true })
    const full = t.faults.diskFull()
    await assert.rejects(client.publish('b', 'x', { qos: 1, retain: true }), { reasonCode: ReasonCode.QuotaExceeded })
    assert.equal(full.hits, 1)
    full.remove()
    await client.publish('b', 'x', { qos: 1, retain: true })
  })

  it('of the store can make it slow, by the fake clock', async () => {
    const clock = new FakeClock()
    await using t = await startTestBroker({ clock })
    const client = await t.client()
    t.faults.store({ method: ['storeRetained', 'retained'], delayMs: 500, times: 2 })
    const published = client.publish('a', 'x', { qos: 1, retain: true })
    await clock.advance(499)
    assert.deepEqual(await t.retained(), [])
    await clock.advance(1)
    await published
    const subscribed = client.subscribe('a')
    await clock.advance(499)
    await subscribed
    assert.equal(client.buffered, 0)
    await clock.advance(1)
    assert.equal((await client.next()).text, 'x')
  })

  it('of the bus need a broker with a bus', async () => {
    const mq = mqemitter() as unknown as Bus
    const t = await startTestBroker({ mq, persistence: createMemoryPersistence() })
    const client = await t.client()
    t.broker.on('storeError', () => {})
    t.faults.bus({ error: new Error('no line to the bus') })
    await assert.rejects(client.publish('a', 'x', { qos: 1 }), { code: 'ANAX_ERR_PUBLISH_REFUSED' })
    await client.publish('a', 'x', { qos: 1 })
    await t.restart()
    await t.broker.publish({ topic: 'a', payload: 'x' })
    await leaveNothing(t)
    await using without = await startTestBroker()
    assert.throws(() => without.faults.bus(), { code: 'ANAX_ERR_ARGUMENT' })
  })
})
