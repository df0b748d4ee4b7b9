/**
 * Several WebSocket services on one HTTP server: each path goes to its owner, in whatever order they were registered.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type Server as HttpServer, type IncomingMessage } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fastifyWebSocket from '@fastify/websocket'
import { fastify } from 'fastify'
import { WebSocket, WebSocketServer } from 'ws'
import { type Broker, createBroker } from '../../../lib/index.js'
import { attachWebSocket, handleUpgrade, handleWebSocket } from '../../../lib/server/server.js'
import { connectClient } from '../../support/clients/mqtt.js'

/** An upgrade that no listener handles. */
const UPGRADE_TO_NOBODY =
  'GET /nobody HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

/** Services that a host may run beside MQTT; each answers with close code 4000 on `/chat`. */
const neighbours = {
  'a ws server with a path': (host: HttpServer) => {
    new WebSocketServer({ server: host, path: '/chat' }).on('connection', socket => socket.close(4000))
  },
  'a ws server for everything': (host: HttpServer) => {
    new WebSocketServer({ server: host }).on('connection', socket => socket.close(4000))
  },
  'a listener that ignores what is not its own': (host: HttpServer) => {
    const chat = new WebSocketServer({ noServer: true })
    host.on('upgrade', (request, socket, head) => {
      if (request.url === '/chat') chat.handleUpgrade(request, socket, head, webSocket => webSocket.close(4000))
    })
  },
}

describe('MQTT beside other WebSocket services', () => {
  let broker: Broker
  let host: HttpServer

  beforeEach(async () => {
    broker = await createBroker()
    host = http.createServer((_request, response) => response.end('a web page'))
    host.listen(0, '127.0.0.1')
    await once(host, 'listening')
  })
  afterEach(async () => {
    await broker.close()
    host.closeAllConnections()
    host.close()
  })

  for (const [name, add] of Object.entries(neighbours)) {
    for (const order of ['before', 'after'] as const) {
      it(`works with ${name}, added ${order} it`, async () => {
        if (order === 'before') add(host)
        attachWebSocket(broker, host)
        if (order === 'after') add(host)
        await exchange(`ws://${originOf(host)}/mqtt`)
        assert.equal(await closeCodeOf(`ws://${originOf(host)}/chat`), 4000)
        await exchange(`ws://${originOf(host)}/mqtt`)
      })
    }
  }

  it('serves several brokers, each at its path', async () => {
    const other = await createBroker()
    attachWebSocket(broker, host, { path: '/one' })
    attachWebSocket(other, host, { path: '/two' })
    const [toOne, toTwo] = [once(broker, 'client'), once(other, 'client')]
    const one = await connectClient(`ws://${originOf(host)}/one`, { clientId: 'one' })
    const two = await connectClient(`ws://${originOf(host)}/two`, { clientId: 'two' })
    assert.equal((await toOne)[0].id, 'one')
    assert.equal((await toTwo)[0].id, 'two')
    assert.equal(await statusOf(`ws://${originOf(host)}/three`), 404)
    await Promise.all([one.endAsync(), two.endAsync()])
    await other.close()
  })

  it('refuses a second broker at the same path', () => {
    attachWebSocket(broker, host).close()
    attachWebSocket(broker, host)
    assert.throws(() => attachWebSocket(broker, host), { code: 'ANAX_ERR_LISTEN', message: /\/mqtt .* already/ })
  })

  it('answers 404 to an upgrade that none of several listeners handles', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    neighbours['a listener that ignores what is not its own'](host)
    attachWebSocket(broker, host)
    const upgraded = once(host, 'upgrade')
    const status = statusOf(`ws://${originOf(host)}/nobody`)
    await upgraded
    context.mock.timers.tick(5000)
    assert.equal(await status, 404)
  })

  it('answers 404 on a connection that was answered a request before', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    neighbours['a listener that ignores what is not its own'](host)
    attachWebSocket(broker, host)
    const socket = net.connect((host.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await textOf(socket, 'a web page')
    const upgraded = once(host, 'upgrade')
    socket.write(UPGRADE_TO_NOBODY)
    await upgraded
    context.mock.timers.tick(5000)
    await textOf(socket, '404 Not Found')
    socket.destroy()
  })

  it('survives a client that resets the connection before an answer', async () => {
    neighbours['a listener that ignores what is not its own'](host)
    attachWebSocket(broker, host)
    const upgraded = once(host, 'upgrade')
    const socket = net.connect((host.address() as AddressInfo).port, '127.0.0.1')
    socket.write(UPGRADE_TO_NOBODY)
    const [, upgradedSocket] = await upgraded
    const closed = new Promise(resolve => upgradedSocket.once('close', resolve))
    socket.resetAndDestroy()
    await closed
  })

  it('leaves an upgrade alone that another listener answers late', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const chat = new WebSocketServer({ noServer: true })
    const arrived = new Promise<() => void>(resolve => {
      host.on('upgrade', (request, socket, head) => {
        resolve(() => chat.handleUpgrade(request, socket, head, webSocket => webSocket.send('late')))
      })
    })
    attachWebSocket(broker, host)
    const socket = new WebSocket(`ws://${originOf(host)}/slow`)
    const answer = await arrived
    context.mock.timers.tick(4999)
    const heard = once(socket, 'message')
    answer()
    context.mock.timers.tick(5000)
    assert.equal(String((await heard)[0]), 'late')
    socket.terminate()
  })

  it('restores the server', () => {
    const emit = host.emit
    const events = () => host.eventNames().map(name => [name, host.listenerCount(name)])
    const before = events()
    const one = attachWebSocket(broker, host, { path: '/one' })
    const two = attachWebSocket(broker, host, { path: '/two' })
    one.close()
    one.close()
    two.close()
    assert.equal(host.emit, emit)
    assert.ok(!Object.hasOwn(host, 'emit'))
    assert.deepEqual(events(), before)
  })

  it('works if emit is wrapped later', async () => {
    const attached = attachWebSocket(broker, host)
    const inner = host.emit
    host.emit = (...args: [string, ...unknown[]]) => Reflect.apply(inner, host, args)
    attached.close()
    assert.equal(await (await fetch(`http://${originOf(host)}/`)).text(), 'a web page')
    attachWebSocket(broker, host)
    await exchange(`ws://${originOf(host)}/mqtt`)
  })

  it('accepts only allowed origins, and clients without one', async () => {
    attachWebSocket(broker, host, { allowedOrigins: ['https://good.example'] })
    attachWebSocket(broker, host, { path: '/asked', allowedOrigins: origin => origin.endsWith('.example') })
    attachWebSocket(broker, host, {
      path: '/failing',
      allowedOrigins: () => {
        throw new Error('no idea')
      },
    })
    const at = (path: string) => `ws://${originOf(host)}${path}`
    assert.equal(await statusOf(at('/mqtt'), { origin: 'https://good.example' }), 101)
    assert.equal(await statusOf(at('/mqtt'), { origin: 'https://bad.example' }), 403)
    assert.equal(await statusOf(at('/mqtt')), 101)
    assert.equal(await statusOf(at('/asked'), { origin: 'https://bad.example' }), 101)
    assert.equal(await statusOf(at('/asked'), { origin: 'https://example.org' }), 403)
    assert.equal(await statusOf(at('/failing'), { origin: 'https://good.example' }), 403)
  })

  it('accepts an upgrade that the application dispatches itself', async () => {
    host.on('upgrade', (request, socket, head) => {
      if (request.url === '/own') handleUpgrade(broker, request, socket, head)
      else socket.destroy()
    })
    await exchange(`ws://${originOf(host)}/own`)
    assert.equal(await statusOf(`ws://${originOf(host)}/own`, {}, ['chat']), 400)
  })

  it('uses a WebSocket that the application has accepted', async () => {
    const sockets = new WebSocketServer({ server: host })
    sockets.on('connection', (socket, request) => handleWebSocket(broker, socket, request))
    const connected = once(broker, 'client')
    await exchange(`ws://${originOf(host)}/any?from=here`)
    assert.equal((await connected)[0].req?.url, '/any?from=here')
    assert.equal(await closeCodeOf(`ws://${originOf(host)}/any`), 1002)
    await broker.close()
    assert.equal(await closeCodeOf(`ws://${originOf(host)}/any`, ['mqtt']), 1013)
  })

  it('answers a ping once on a WebSocket that the application has accepted', async () => {
    new WebSocketServer({ server: host }).on('connection', socket => handleWebSocket(broker, socket))
    const socket = new WebSocket(`ws://${originOf(host)}/`, ['mqtt'])
    await once(socket, 'open')
    const pongs: string[] = []
    socket.on('pong', data => pongs.push(String(data)))
    socket.ping('1')
    await once(socket, 'pong')
    socket.ping('2')
    await once(socket, 'pong')
    assert.deepEqual(pongs, ['1', '2'])
    socket.terminate()
  })

  it('refuses arguments of a wrong kind', () => {
    const request = { headers: {} } as IncomingMessage
    const wrong = { code: 'ANAX_ERR_ARGUMENT' }
    const none = undefined as never
    for (const bad of [undefined, null, 5, 'broker', {}]) {
      assert.throws(() => attachWebSocket(bad as never, host), wrong)
      assert.throws(() => handleUpgrade(bad as never, request, new PassThrough(), Buffer.alloc(0)), wrong)
      assert.throws(() => handleWebSocket(bad as never, {} as never), wrong)
      assert.throws(() => attachWebSocket(broker, bad as never), wrong)
      assert.throws(() => handleWebSocket(broker, bad as never), wrong)
    }
    assert.throws(() => handleUpgrade(broker, none, new PassThrough(), Buffer.alloc(0)), wrong)
    assert.throws(() => handleUpgrade(broker, request, none, Buffer.alloc(0)), wrong)
    assert.throws(() => handleUpgrade(broker, request, new PassThrough(), none), wrong)
    assert.throws(() => attachWebSocket(broker, host, 5 as never), wrong)
    assert.throws(() => attachWebSocket(broker, host, { maxPayload: -1 }), wrong)
    assert.throws(() => attachWebSocket(broker, host, { paht: '/things' } as never), wrong)
    assert.throws(() => attachWebSocket(broker, host, { allowedOrigins: 'https://a.example' as never }), wrong)
    assert.equal(host.listenerCount('upgrade'), 0)
  })
})

describe('MQTT beside @fastify/websocket', () => {
  for (const order of ['before', 'after'] as const) {
    it(`works with it, attached ${order} its routes are added`, async () => {
      const broker = await createBroker()
      const app = fastify()
      if (order === 'before') attachWebSocket(broker, app.server)
      await app.register(fastifyWebSocket)
      app.get('/chat', { websocket: true }, socket => socket.close(4000))
      app.get('/mqtt-route', { websocket: true }, (socket, request) => handleWebSocket(broker, socket, request.raw))
      await app.listen({ port: 0, host: '127.0.0.1' })
      if (order === 'after') attachWebSocket(broker, app.server)
      const origin = originOf(app.server)
      await exchange(`ws://${origin}/mqtt`)
      await exchange(`ws://${origin}/mqtt-route`)
      assert.equal(await closeCodeOf(`ws://${origin}/chat`), 4000)
      assert.equal(await statusOf(`ws://${origin}/nobody`), 404)
      await broker.close()
      await app.close()
    })
  }
})

function originOf(server: net.Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A client subscribes, publishes, and gets its message. */
async function exchange(url: string): Promise<void> {
  const client = await connectClient(url)
  await client.subscribeAsync('t')
  const received = new Promise(resolve => client.once('message', (_topic, payload) => resolve(String(payload))))
  await client.publishAsync('t', 'hello', { qos: 1 })
  assert.equal(await received, 'hello')
  await client.endAsync()
}

async function closeCodeOf(url: string, protocols: string[] = []): Promise<number> {
  const [code] = await once(new WebSocket(url, protocols), 'close')
  return code
}

/** The HTTP status of the answer to an upgrade. */
async function statusOf(url: string, options: { origin?: string } = {}, protocols = ['mqtt']): Promise<number> {
  const socket = new WebSocket(url, protocols, options)
  socket.on('error', () => {})
  const status = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => response.statusCode as number),
  ])
  socket.terminate()
  return status
}

/** Reads until the text has arrived. */
async function textOf(socket: net.Socket, text: string): Promise<void> {
  for (let read = ''; !read.includes(text); ) read += (await once(socket, 'data'))[0]
}
