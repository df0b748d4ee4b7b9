/** MQTT over WebSocket: sub-protocols, frames, and a host's own HTTP server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { type Broker, createBroker } from '../../../lib/index.js'
import { attachWebSocket, createServer, type Server } from '../../../lib/server/server.js'
import { connectClient } from '../../support/clients/mqtt.js'

/** CONNECT of MQTT 3.1.1, client id "abcd"; SUBSCRIBE to "a" with QoS 0; PUBLISH of "hi" to "a". */
const CONNECT = Buffer.from('101000044d5154540402003c000461626364', 'hex')
const SUBSCRIBE = Buffer.from('8206000100016100', 'hex')
const PUBLISH = Buffer.from('30050001616869', 'hex')
const CONNACK = '20020000'
const SUBACK = '9003000100'

describe('MQTT over WebSocket', () => {
  let broker: Broker
  let server: Server
  let url: string

  before(async () => {
    broker = await createBroker()
    server = await createServer(broker, { transport: 'ws', port: 0, path: '/mqtt', maxPayload: 64 * 1024 })
    url = `${server.addresses[0]?.url}/mqtt`
  })
  after(async () => {
    await server.close()
    await broker.close()
  })

  for (const offered of [['mqtt'], ['mqttv3.1'], ['something', 'mqtt', 'mqttv3.1']]) {
    it(`accepts a client that offers ${offered.join(', ')}`, async () => {
      const socket = await open(url, offered)
      assert.equal(socket.protocol, offered.includes('mqtt') ? 'mqtt' : 'mqttv3.1')
      socket.terminate()
    })
  }

  it('refuses other sub-protocols, none, and other paths', async () => {
    assert.equal(await statusOf(url, ['chat']), 400)
    assert.equal(await statusOf(url, []), 400)
    assert.equal(await statusOf(url.replace('/mqtt', '/other'), ['mqtt']), 404)
  })

  it('has a page for web browsers', async () => {
    const response = await fetch(url.replace('ws:', 'http:'))
    assert.equal(response.status, 426)
  })

  it('accepts packets that are split over frames or joined in one', async () => {
    const socket = await open(url)
    const received = collect(socket)
    for (const byte of CONNECT) socket.send(Buffer.of(byte))
    await received.until(CONNACK.length / 2)
    socket.send(SUBSCRIBE)
    await received.until((CONNACK.length + SUBACK.length) / 2)
    socket.send(Buffer.concat([PUBLISH, PUBLISH.subarray(0, 3)]))
    socket.send(PUBLISH.subarray(3))
    await received.until((CONNACK.length + SUBACK.length) / 2 + 2 * PUBLISH.length)
    assert.equal(received.hex(), `${CONNACK}${SUBACK}${PUBLISH.toString('hex').repeat(2)}`)
    socket.close()
    await once(socket, 'close')
  })

  it('closes with 1003 on a text frame [MQTT-6.0.0-1]', async () => {
    const socket = await open(url)
    socket.send('not binary')
    const [code] = await once(socket, 'close')
    assert.equal(code, 1003)
  })

  it('closes with 1009 on a message above maxPayload', async () => {
    const socket = await open(url)
    socket.send(Buffer.alloc(64 * 1024 + 1))
    const [code] = await once(socket, 'close')
    assert.equal(code, 1009)
  })

  it('survives garbage instead of frames', async () => {
    const socket = await open(url)
    const closed = once(socket, 'close')
    socket.on('error', () => {})
    Reflect.get(socket, '_socket').write('this is no frame at all')
    await closed
    await (await connectClient(url)).endAsync()
  })

  it('passes the HTTP request to the broker', async () => {
    const connected = once(broker, 'client')
    const mqtt = await connectClient(`${url}?from=test`)
    const [client] = await connected
    assert.equal(client.req?.url, '/mqtt?from=test')
    await mqtt.endAsync()
  })

  it('answers pings, and closes with the client', async () => {
    const socket = await open(url)
    socket.ping('still there?')
    assert.equal(String((await once(socket, 'pong'))[0]), 'still there?')
    socket.close()
    const [code] = await once(socket, 'close')
    assert.ok(code === 1000 || code === 1005)
  })
})

describe('attachWebSocket', () => {
  let broker: Broker
  let host: HttpServer
  let origin: string

  before(async () => {
    broker = await createBroker()
    host = http.createServer((_request, response) => response.end('a web page'))
    host.listen(0, '127.0.0.1')
    await once(host, 'listening')
    origin = `127.0.0.1:${(host.address() as AddressInfo).port}`
  })
  after(async () => {
    await broker.close()
    host.close()
  })

  it('serves MQTT and HTTP on one port, and leaves other paths to the application', async () => {
    const attached = attachWebSocket(broker, host)
    await (await connectClient(`ws://${origin}/mqtt`)).endAsync()
    assert.equal(await (await fetch(`http://${origin}/`)).text(), 'a web page')
    assert.equal(await statusOf(`ws://${origin}/chat`, ['chat']), 404)

    const chat = new WebSocketServer({ noServer: true })
    const onUpgrade = (...[request, socket, head]: Parameters<typeof chat.handleUpgrade>) => {
      if (request.url === '/chat') chat.handleUpgrade(request, socket, head, webSocket => webSocket.close(4000))
    }
    host.on('upgrade', onUpgrade)
    const [code] = await once(new WebSocket(`ws://${origin}/chat`), 'close')
    assert.equal(code, 4000)
    host.off('upgrade', onUpgrade)
    attached.close()
  })

  it('refuses an impossible path', async () => {
    const before = host.listenerCount('upgrade')
    for (const path of ['', 'mqtt', '/mqtt?x', '/mqtt#x', 'ws://localhost/mqtt', 5, null, {}, Object.create(null)]) {
      const refused = { code: 'ANAX_ERR_LISTEN', message: /path of a WebSocket begins with '\/'/ }
      assert.throws(() => attachWebSocket(broker, host, { path: path as string }), refused)
      await assert.rejects(createServer(broker, { transport: 'ws', port: 0, path: path as string }), refused)
    }
    assert.equal(host.listenerCount('upgrade'), before)
  })

  it("removes its listeners from the application's server when it is closed", () => {
    const before = host.eventNames().map(name => [name, host.listenerCount(name)])
    attachWebSocket(broker, host, { path: '/elsewhere' }).close()
    assert.deepEqual(
      host.eventNames().map(name => [name, host.listenerCount(name)]),
      before,
    )
  })
})

async function open(url: string, protocols: string[] = ['mqtt']): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols)
  await once(socket, 'open')
  return socket
}

/** The HTTP status that a refused upgrade is answered with. */
async function statusOf(url: string, protocols: string[]): Promise<number | undefined> {
  const socket = new WebSocket(url, protocols)
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  response.resume()
  socket.terminate()
  return response.statusCode
}

function collect(socket: WebSocket) {
  let bytes = Buffer.alloc(0)
  socket.on('message', data => {
    bytes = Buffer.concat([bytes, data as Buffer])
  })
  return {
    hex: () => bytes.toString('hex'),
    async until(length: number) {
      while (bytes.length < length) await once(socket, 'message')
    },
  }
}
