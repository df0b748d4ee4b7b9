/** The client with promises, against the broker and against a server that does not answer. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type ConnectOptions, connect, duplexPair, type MqttConnection, openStream } from '../../lib/client/index.js'
import { AnaxError, type Broker, type BrokerOptions, createBroker, ReasonCode } from '../../lib/index.js'
import { createServer } from '../../lib/server/server.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { temporaryFolder } from '../support/tls/certificate.js'

describe('a client with promises', () => {
  let broker: Broker

  beforeEach(async () => {
    broker = await createBroker()
  })
  afterEach(() => broker.close())

  async function restart(options: BrokerOptions): Promise<void> {
    await broker.close()
    broker = await createBroker(options)
  }

  function attach(options: ConnectOptions = {}): Promise<MqttConnection> {
    const [near, far] = duplexPair()
    broker.handle(far)
    return connect(near, options)
  }

  for (const protocolVersion of [3, 4, 5] as const) {
    it(`publishes and receives with every QoS, protocol level ${protocolVersion}`, async () => {
      const client = await attach({ protocolVersion })
      assert.deepEqual(await client.subscribe(['a/+', 'b'], { qos: 2 }), [2, 2])
      for (const qos of [0, 1, 2] as const) assert.equal(await client.publish('a/x', `qos ${qos}`, { qos }), 0)
      for (const qos of [0, 1, 2] as const) {
        const message = await client.next()
        assert.deepEqual([message.text, message.qos, message.topic], [`qos ${qos}`, qos, 'a/x'])
      }
      await client.unsubscribe('a/+')
      await client.publish('a/x', 'gone', { qos: 1 })
      await client.publish('b', '{"last":true}', { qos: 1 })
      assert.deepEqual((await client.next()).json(), { last: true })
      const { error } = await client.disconnect()
      assert.equal(error, undefined)
    })
  }

  it('can be iterated until its connection ends', async () => {
    const client = await attach()
    await client.subscribe('#', { qos: 1 })
    await client.publish('a', '1', { qos: 1 })
    await client.publish('a', '2', { qos: 1 })
    const texts: string[] = []
    for await (const { text } of client) {
      texts.push(text)
      if (texts.length === 2) await client.disconnect()
    }
    assert.deepEqual(texts, ['1', '2'])
    await assert.rejects(client.next(), { code: 'ANAX_ERR_NOT_CONNECTED' })
    await assert.rejects(client.publish('a', '3'), { code: 'ANAX_ERR_NOT_CONNECTED' })
  })

  for (const protocolVersion of [4, 5] as const) {
    it(`rejects a refused connection with its reason, protocol level ${protocolVersion}`, async () => {
      await restart({ authenticate: () => ({ reasonCode: ReasonCode.BadUserNameOrPassword }) })
      await assert.rejects(attach({ protocolVersion, username: 'x', password: 'y' }), {
        code: 'ANAX_ERR_REFUSED',
        reasonCode: ReasonCode.BadUserNameOrPassword,
      })
    })
  }

  it('rejects refused messages and subscriptions', async () => {
    await restart({ authorizePublish: (_client, { topic }) => topic !== 'no', authorizeSubscribe: () => 0x97 })
    const client = await attach()
    for (const qos of [1, 2] as const) {
      await assert.rejects(client.publish('no', '', { qos }), { code: 'ANAX_ERR_PUBLISH_REFUSED', reasonCode: 0x87 })
    }
    assert.equal(await client.publish('yes', '', { qos: 2 }), ReasonCode.NoMatchingSubscribers)
    await assert.rejects(client.subscribe('a'), { code: 'ANAX_ERR_SUBSCRIBE_REFUSED', reasonCode: 0x97 })
  })

  it('acknowledges manually, in the order of the messages; unacknowledged ones are redelivered', async () => {
    const options = {
      clientId: 'by-hand',
      clean: false,
      acknowledge: 'manual',
      properties: { sessionExpiryInterval: 60 },
    } as const
    const client = await attach(options)
    await client.subscribe('a', { qos: 1 })
    const acks: string[] = []
    broker.on('ack', packet => acks.push('payload' in packet ? packet.payload.toString() : ''))
    for (const payload of ['1', '2', '3']) await broker.publish({ topic: 'a', payload, qos: 1 })
    const [first, second] = [await client.next(), await client.next()]
    second.ack()
    await client.publish('other', '', { qos: 1 })
    assert.deepEqual(acks, [])
    first.ack()
    first.ack()
    await client.publish('other', '', { qos: 1 })
    assert.deepEqual(acks, ['1', '2'])
    client.destroy()
    await client.ended
    const again = await attach(options)
    assert.equal(again.sessionPresent, true)
    const third = await again.next()
    assert.deepEqual([third.text, third.dup], ['3', true])
  })

  it('acknowledges when the promise of a handler resolves, and refuses when it rejects', async () => {
    const errors: unknown[] = []
    const client = await attach({ onError: (error, topic) => errors.push([(error as Error).message, topic]) })
    const handled: string[] = []
    let open = () => {}
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    await client.subscribe('$share/group/job/+', { qos: 2 }, async message => {
      if (message.text === 'wait') await gate
      if (message.text === 'bad') throw new Error('no')
      handled.push(message.text)
    })
    const acks: string[] = []
    broker.on('ack', (_packet, { id }) => acks.push(id))
    await broker.publish({ topic: 'job/1', payload: 'wait', qos: 1 })
    await broker.publish({ topic: 'job/2', payload: 'bad', qos: 1 })
    await broker.publish({ topic: 'job/3', payload: 'good', qos: 1 })
    await client.publish('other', '', { qos: 1 })
    assert.deepEqual([handled, acks], [[], []])
    open()
    while (acks.length < 3) await once(broker, 'ack')
    assert.deepEqual(handled, ['wait', 'good'])
    assert.deepEqual(errors, [['no', 'job/2']])
  })

  it("respects the broker's Receive Maximum", async () => {
    await restart({ receiveMaximum: 2, authorizePublish: async () => true })
    const client = await attach()
    const codes = await Promise.all(Array.from({ length: 20 }, (_, i) => client.publish('a', `${i}`, { qos: 2 })))
    assert.deepEqual(codes, Array(20).fill(ReasonCode.NoMatchingSubscribers))
  })

  it('drops messages with QoS 0 that nobody reads, and no others', async () => {
    const client = await attach({ maxBuffered: 2 })
    await client.subscribe('a', { qos: 1 })
    for (const payload of ['1', '2', '3']) await client.publish('a', payload)
    await client.publish('a', 'kept', { qos: 1 })
    assert.equal(client.dropped, 1)
    const texts = [await client.next(), await client.next(), await client.next()].map(({ text }) => text)
    assert.deepEqual(texts, ['2', '3', 'kept'])
  })

  it('refuses a packet that is larger than the broker accepts', async () => {
    await restart({ maxPacketSize: 100 })
    const client = await attach()
    await assert.rejects(client.publish('a', 'x'.repeat(200), { qos: 1 }), { code: 'ANAX_ERR_PACKET_TOO_LARGE' })
    assert.equal(await client.publish('a', 'x', { qos: 1 }), ReasonCode.NoMatchingSubscribers)
  })

  it('reports how the connection ended', async () => {
    const leaving = await attach()
    await broker.close()
    const { error, packet } = await leaving.ended
    assert.equal(error?.code, 'ANAX_ERR_NOT_CONNECTED')
    assert.equal(packet?.reasonCode, ReasonCode.ServerShuttingDown)
    assert.equal(leaving.connected, false)
  })

  it('rejects unanswered requests when the connection ends', async () => {
    await restart({ authorizePublish: () => new Promise(() => {}), closeTimeoutMs: 1 })
    const client = await attach()
    const published = client.publish('a', '', { qos: 1 })
    client.destroy()
    await assert.rejects(published, { code: 'ANAX_ERR_NOT_CONNECTED' })
  })

  it('leaves its will when the connection breaks, and none after DISCONNECT', async () => {
    const watcher = await attach()
    await watcher.subscribe('will/#')
    const polite = await attach({ will: { topic: 'will/polite' } })
    await polite.disconnect()
    const broken = await attach({ will: { topic: 'will/broken', payload: 'gone' } })
    broken.destroy()
    const { topic, text } = await watcher.next()
    assert.deepEqual([topic, text], ['will/broken', 'gone'])
  })

  it('disconnects at the end of its scope', async () => {
    let leaving: MqttConnection
    {
      await using client = await attach()
      leaving = client
    }
    assert.equal(leaving.connected, false)
  })

  it('uses the identifier that the broker assigns', async () => {
    const client = await attach({ clientId: '' })
    assert.equal(client.clientId, Object.keys(broker.clients)[0])
  })
})

describe('the time limits of a client', () => {
  it('end an attempt to connect without CONNACK', async () => {
    const clock = new FakeClock()
    const [near] = duplexPair()
    const connecting = connect(near, { clock, connectTimeoutMs: 500 })
    await Promise.all([assert.rejects(connecting, { code: 'ANAX_ERR_TIMEOUT' }), clock.advance(500)])
    assert.equal(near.destroyed, true)
  })

  it('make it send PINGREQ, and end the connection without PINGRESP', async () => {
    const clock = new FakeClock()
    const broker = await createBroker({ clock })
    let isFrozen = false
    const [near, far] = duplexPair()
    const [inner, outer] = duplexPair()
    far.on('data', chunk => inner.write(chunk))
    inner.on('data', chunk => isFrozen || far.write(chunk))
    broker.handle(outer)
    const client = await connect(near, { clock, keepalive: 10 })
    const pings: unknown[] = []
    broker.on('ping', packet => pings.push(packet))
    await clock.advance(35_000)
    assert.equal(pings.length, 3)
    isFrozen = true
    await clock.advance(30_000)
    assert.equal((await client.ended).error?.code, 'ANAX_ERR_KEEP_ALIVE')
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  })
})

describe('openStream', () => {
  it('connects over TCP, WebSocket and a Unix socket', async () => {
    const folder = temporaryFolder()
    const broker = await createBroker()
    const server = await createServer(broker, [
      { transport: 'tcp', port: 0 },
      { transport: 'ws', port: 0 },
      { transport: 'unix', path: join(folder.path, 'socket') },
    ])
    try {
      for (const { url } of server.addresses) {
        const client = await connect(await openStream(url))
        assert.equal(await client.publish('a', 'x', { qos: 1 }), ReasonCode.NoMatchingSubscribers)
        await client.disconnect()
      }
    } finally {
      await server.close()
      await broker.close()
      folder.remove()
    }
  })

  it('rejects invalid URLs', async () => {
    await assert.rejects(openStream('http://localhost'), { code: 'ANAX_ERR_ARGUMENT' })
    const url = 'mqtt://localhost' as never
    await assert.rejects(connect(url), { code: 'ANAX_ERR_ARGUMENT', message: /openStream\(url\)/ })
    const error = await openStream('mqtt://127.0.0.1:1').catch(error => error)
    assert.ok(error instanceof AnaxError && error.code === 'ANAX_ERR_STREAM')
    assert.match(error.message, /mqtt:\/\/127\.0\.0\.1:1/)
  })
})
