/** `anax/aedes`: an application of Aedes changes one import, and all names and behaviour stay the same. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
// @ts-expect-error it has no types
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js'
import mqtt from 'mqtt'
import defaultExport, { Aedes, type AedesClient, type AedesOptions, Server } from '../../lib/aedes/index.js'
import { createMemoryPersistence } from '../../lib/index.js'
import { textPacket } from '../support/clients/exchange.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { connected, create, open, said } from './support.js'

describe('a broker', () => {
  it('can be created in every way that Aedes has had', async () => {
    const required = createRequire(import.meta.url)('../../cjs/lib/aedes/index.js')
    for (const make of [
      () => new Server(),
      () => Server(),
      () => defaultExport(),
      () => new defaultExport.Server(),
      () => required(),
      () => new required.Server(),
    ]) {
      const broker = make() as Aedes
      open.push(broker)
      await connected(broker)
      assert.equal(broker.connectedClients, 1)
    }
    assert.ok((await create()) instanceof Aedes)
    const later = new Aedes()
    assert.equal(later.closed, true)
    await later.listen()
    assert.equal(later.closed, false)
    await new Promise<void>(resolve => later.close(resolve))
  })

  it('refuses a callback store of Aedes before 1.0, with an error that names what to use', async () => {
    const withCallbacks = Object.assign(new MemoryPersistence(), { setup: undefined })
    await assert.rejects(create({ persistence: withCallbacks as never }), /callbacks are of Aedes before 1\.0: take/)
  })

  it('shows its bus, its store, its options and its version', async () => {
    const persistence = createMemoryPersistence()
    const broker = await create({ id: 'one', persistence, heartbeatInterval: 50_000 })
    assert.deepEqual([broker.id, broker.persistence === persistence], ['one', true])
    assert.equal(broker.opts.heartbeatInterval, 50_000)
    assert.equal(typeof broker.mq.on, 'function')
    assert.match(broker.version, /^\d+\.\d+\.\d+/)
    assert.deepEqual({ ...broker.brokers }, {})
  })

  it('warns once of an option that does not exist or has no effect', async () => {
    const warnings: string[] = []
    const warned = ({ message }: Error) => warnings.push(message)
    process.on('warning', warned)
    for (let i = 0; i < 2; i++) await create({ queueLimit: 10, nonsense: true } as AedesOptions)
    await delay(1)
    process.off('warning', warned)
    assert.deepEqual(warnings.sort(), ['anax/aedes: nonsense is not an option', 'anax/aedes: queueLimit has no effect'])
  })

  it('publishes its events below $SYS', async () => {
    const broker = await create()
    const topics = await said(broker)
    const client = await connected(broker, 'c')
    await client.subscribe({ topic: 'a', qos: 0 })
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
    await client.expect('unsuback')
    const gone = once(broker, 'clientDisconnect')
    await client.disconnect()
    await gone
    await delay(1)
    assert.deepEqual(topics, [
      '$SYS/<id>/new/clients c',
      '$SYS/<id>/new/subscribes {"clientId":"c","subs":[{"topic":"a","qos":0}]}',
      '$SYS/<id>/new/unsubscribes {"clientId":"c","subs":["a"]}',
      '$SYS/<id>/disconnect/clients c',
    ])
  })

  it('loses no message that the application publishes without waiting', async () => {
    const broker = await create()
    const client = await connected(broker)
    await client.subscribe({ topic: 't', qos: 0 })
    const payload = 'x'.repeat(10_000)
    for (let i = 0; i < 500; i++) broker.publish({ topic: 't', payload, qos: 0 })
    for (let i = 0; i < 500; i++) await client.expect('publish')
  })

  it('lets clients read while the application publishes in a loop that waits for each message', async () => {
    const broker = await create()
    const client = await connected(broker)
    await client.subscribe({ topic: 'a', qos: 0 })
    let dropped = 0
    broker.anax.on('drop', () => dropped++)
    // together they exceed the queue limit of one client
    const message = { topic: 'a', payload: Buffer.alloc(4000), qos: 0 } as const
    for (let i = 0; i < 500; i++) await new Promise<void>(resolve => broker.publish(message, () => resolve()))
    for (let i = 0; i < 500; i++) await client.expect('publish')
    assert.equal(dropped, 0)
  })

  it('learns of other brokers by their heartbeats, and disconnects a client that connects to another one', async () => {
    const broker = await create({ id: 'here' })
    await connected(broker, 'mover')
    const emit = (topic: string, payload: string) =>
      new Promise<void>(resolve => broker.mq.emit({ topic, payload: Buffer.from(payload) }, () => resolve()))
    await emit('$SYS/there/heartbeat', 'there')
    assert.deepEqual(Object.keys(broker.brokers), ['there'])
    const gone = once(broker, 'clientDisconnect')
    await emit('$SYS/there/new/clients', 'mover')
    assert.equal(((await gone)[0] as AedesClient).id, 'mover')
  })

  it('leaves the store open when it is closed, as Aedes does', async () => {
    let destroyed = 0
    const { default: Persistence } = createRequire(import.meta.url)('aedes-persistence/asyncPersistence.js')
    const Base = Persistence ?? createRequire(import.meta.url)('aedes-persistence/asyncPersistence.js')
    const persistence = new (class extends Base {
      async destroy() {
        destroyed++
      }
    })()
    const broker = await Aedes.createBroker({ persistence: persistence as never })
    await new Promise<void>(resolve => broker.close(resolve))
    assert.equal(destroyed, 0)
  })
})

describe('hooks', () => {
  it('have the broker as `this`, and may call back whatever parameters they declare', async () => {
    const seen: unknown[] = []
    const broker = await create({
      preConnect(...args: unknown[]) {
        seen.push(this)
        ;(args[2] as (error: null, success: boolean) => void)(null, true)
      },
      authenticate: function (this: unknown, _client, _username, _password, callback) {
        seen.push(this)
        callback(null, true)
      },
    } as AedesOptions)
    broker.authorizeSubscribe = function (this: unknown, _client, subscription, callback) {
      seen.push(this)
      callback(null, subscription)
    }
    broker.authorizePublish = async function (this: unknown) {
      seen.push(this)
      return true
    }
    const client = await connected(broker)
    await client.subscribe({ topic: 'a', qos: 0 })
    await client.publish(textPacket('b', 'x', { qos: 1 }))
    assert.deepEqual(
      seen.map(each => each === broker),
      [true, true, true, true],
    )
  })

  it('get clients with a reference to their broker, and the packet itself, which they may change', async () => {
    const broker = await create()
    broker.authorizePublish = (client, packet, callback) => {
      assert.equal(client?.broker, broker)
      assert.equal(packet.cmd, 'publish')
      packet.topic = 'changed'
      callback(null)
    }
    const client = await connected(broker)
    await client.subscribe({ topic: 'changed', qos: 0 })
    client.send(textPacket('a', 'x'))
    assert.equal((await client.expect('publish')).topic, 'changed')
  })

  it('get CONNECT as mqtt-packet parses it, and may change it', async () => {
    const broker = await create()
    let json = ''
    broker.preConnect = (_client, packet, callback) => {
      json = JSON.stringify(packet)
      packet.clientId = 'other'
      callback(null, true)
    }
    await connected(broker, 'c')
    const head = '"cmd":"connect","retain":false,"qos":0,"dup":false,"length":13,"topic":null,"payload":null'
    assert.ok(json.startsWith(`{${head},"protocolId":"MQTT","protocolVersion":4,`), json)
    assert.deepEqual(Object.keys(broker.clients), ['other'])
  })

  it('may answer after the client was closed: nothing is sent, and the application gets an event', async () => {
    const broker = await create()
    const errors: string[] = []
    broker.on('clientError', (_client, { message }) => errors.push(message))
    for (const hook of ['authorizePublish', 'authorizeSubscribe'] as const) {
      broker.authorizePublish = (client, _packet, done) => {
        client?.close()
        done(null)
      }
      broker.authorizeSubscribe = (client, subscription, done) => {
        client.close()
        done(null, subscription)
      }
      const client = await connected(broker)
      if (hook === 'authorizePublish') client.send(textPacket('a', 'x', { qos: 1, messageId: 1 }))
      else client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
      assert.deepEqual(await client.closed(), [])
      assert.equal(broker.connectedClients, 0)
    }
    assert.deepEqual(errors, ['connection closed'])
  })

  it('may return what hooks of Anax return: limits with an acceptance, a reason with a refusal', async () => {
    const broker = await create({
      authenticate: () => ({ accept: true, limits: { maximumQoS: 0 } }),
      authorizePublish: () => ({ refuse: 0x97, reasonString: 'full' }),
      authorizeSubscribe: (_client, { topic }) => topic === 'a' || { refuse: 0x97 },
    })
    const client = await connected(broker, 'c', 5)
    const granted = await client.subscribe({ topic: 'a', qos: 1 }, { topic: 'b', qos: 0 })
    assert.deepEqual(granted, [0, 0x97])
    client.send(textPacket('a', 'x', { qos: 0 }))
    assert.deepEqual(await client.settle(), [])
  })

  it('refuse a client with the return code of the error, and the application gets an event', async () => {
    const broker = await create({
      authenticate: (_client, _username, _password, callback) =>
        callback(Object.assign(new Error('who are you?'), { returnCode: 4 }), false),
    })
    const failed = once(broker, 'clientError')
    const client = new SpecClient(broker as never, 4)
    assert.equal((await client.connect({ clientId: 'c' })).returnCode, 4)
    const [{ id }, { message, errorCode }] = await failed
    assert.deepEqual([id, message, errorCode], ['c', 'who are you?', 4])
  })
})

describe('a client', () => {
  it('has the members that it has in Aedes', async () => {
    const broker = await create()
    const httpServer = createServer()
    const clients: AedesClient[] = []
    broker.on('client', client => clients.push(client))
    const tcp = createTcpServer(conn => broker.handle(conn, { connDetails: { ipAddress: '10.0.0.1' } } as never))
    await listening(tcp)
    const client = mqtt.connect({ port: (tcp.address() as AddressInfo).port, clientId: 'c' })
    await once(broker, 'clientReady')
    await client.subscribeAsync({ 'a/#': { qos: 1 } })
    const [seen] = clients
    assert.equal(seen, broker.clients.c)
    assert.equal((seen!.conn as unknown as { client: unknown }).client, seen)
    assert.deepEqual(seen!.connDetails, { ipAddress: '10.0.0.1' })
    assert.equal(seen!.subscriptions['a/#']?.qos, 1)
    assert.deepEqual([seen!.connected, seen!.closed, seen!.version, seen!.clean], [true, false, 4, true])
    await new Promise<void>(resolve => seen!.close(resolve))
    assert.equal(broker.clients.c, undefined)
    await client.endAsync(true)
    tcp.close()
    httpServer.close()
  })

  it('publishes, subscribes and unsubscribes with callbacks, and authorizeSubscribe is called', async () => {
    const broker = await create()
    broker.authorizeSubscribe = (_client, subscription, callback) =>
      callback(null, subscription.topic === 'no' ? null : subscription)
    const peer = await connected(broker)
    const client = broker.clients.client!
    await new Promise(resolve =>
      client.subscribe(
        [
          { topic: 'yes', qos: 0 },
          { topic: 'no', qos: 0 },
        ],
        resolve,
      ),
    )
    assert.deepEqual(Object.keys(client.subscriptions), ['yes'])
    await new Promise(resolve => client.publish({ topic: 'direct', payload: 'x' }, resolve))
    assert.equal((await peer.expect('publish')).topic, 'direct')
    await new Promise(resolve => client.unsubscribe('yes', resolve))
    assert.deepEqual(Object.keys(client.subscriptions), [])
  })

  it('ends when it emits an error, which the broker reports', async () => {
    const broker = await create()
    const peer = await connected(broker)
    const failed = once(broker, 'clientError')
    broker.clients.client!.emit('error', new Error('enough'))
    assert.equal((await failed)[1].message, 'enough')
    await peer.closed()
  })

  it('may speak MQTT 5.0', async () => {
    const broker = await create()
    const peer = await connected(broker, 'five', 5)
    assert.equal(broker.clients.five?.version, 5)
    assert.equal(await peer.publish(textPacket('$SYS/x', 'x', { qos: 1 })), 0x87)
  })
})

describe('a client of MQTT 5.0', () => {
  const kept = { clean: false, properties: { sessionExpiryInterval: 60 } }

  async function kept5(
    broker: Aedes,
    clientId: string,
    will?: { topic: string; payload: string },
  ): Promise<SpecClient> {
    const client = new SpecClient(broker as never, 5)
    const delayed = { qos: 0, retain: false, properties: { willDelayInterval: 60 } } as const
    await client.connect({ clientId, ...kept, ...(will && { will: { ...will, ...delayed } as never }) })
    return client
  }

  it('is counted with its stored session, unless the limit is exceeded', async () => {
    const broker = await create({ pendingSessionsLimit: 1 })
    const first = await kept5(broker, 'first', { topic: 'wills', payload: 'first' })
    await first.drop()
    while (broker.expiringSessions.size === 0) await delay(1)
    assert.deepEqual([...broker.delayedWills.keys()], ['first'])

    const limits: unknown[] = []
    broker.on('sessionLimitReached', ({ id }, { reason }) => limits.push([id, reason]))
    const published = new Promise<string>(resolve => {
      broker.subscribe('wills', ({ payload }) => resolve(String(payload)))
    })
    const second = await kept5(broker, 'second', { topic: 'wills', payload: 'second' })
    await second.drop()
    assert.equal(await published, 'second')
    assert.deepEqual(limits, [
      ['second', 'willDelay'],
      ['second', 'sessionExpiry'],
    ])
    assert.deepEqual([...broker.expiringSessions.keys()], ['first'])
    await kept5(broker, 'first')
    assert.deepEqual([broker.expiringSessions.size, broker.delayedWills.size], [0, 0])
  })

  it('gets the reason of a disconnection and the reference to another server', async () => {
    const broker = await create()
    const peer = await connected(broker, 'c', 5)
    const client = broker.clients.c!
    client.disconnect({ reasonCode: 0x9c, properties: { serverReference: 'b.example:1883' } })
    const { reasonCode, properties } = await peer.expect('disconnect')
    assert.deepEqual([reasonCode, properties?.serverReference], [0x9c, 'b.example:1883'])
    assert.equal(client.disconnectReasonCode, 0x9c)

    broker.preConnect = (_client, _packet, callback) =>
      callback(Object.assign(new Error('full'), { serverReference: 'b.example' }))
    const sent = new SpecClient(broker as never, 5)
    assert.equal((await sent.connect({ clientId: 'd' })).reasonCode, 0x9c)
  })

  it('gets the error message of a hook that refuses a message, and stays connected', async () => {
    const broker = await create()
    const peer = await connected(broker, 'c', 5)
    const mine = new Error('not here')
    broker.authorizePublish = (_client, _packet, callback) => callback(mine)
    const failed = once(broker, 'clientError')
    peer.send(textPacket('a', 'x', { qos: 1, messageId: 1 }))
    assert.equal((await peer.expect('puback')).properties?.reasonString, 'not here')
    assert.equal((await failed)[1], mine)
    assert.equal(broker.clients.c?.connected, true)
  })
})

describe('limits of Aedes', () => {
  it('for client identifiers apply to MQTT 3.1, and those for the keep alive before 5.0', async () => {
    const broker = await create({ maxClientsIdLength: 30, keepaliveLimit: 60 })
    const returnCode = async (version: 3 | 4, clientId: string, keepalive: number) =>
      (await new SpecClient(broker as never, version).connect({ clientId, keepalive })).returnCode
    assert.equal(await returnCode(3, 'x'.repeat(30), 60), 0)
    assert.equal(await returnCode(3, 'x'.repeat(31), 60), 2)
    assert.equal(await returnCode(4, 'x'.repeat(100), 60), 0)
    assert.equal(await returnCode(4, 'c', 61), 5)
    const five = await new SpecClient(broker as never, 5).connect({ clientId: 'c', keepalive: 61 })
    assert.deepEqual([five.reasonCode, five.properties?.serverKeepAlive], [0, 60])
  })
})

function listening(server: TcpServer): Promise<void> {
  return new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
}
