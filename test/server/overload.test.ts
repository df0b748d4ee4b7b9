/** Listeners of an overloaded broker: connections are closed before a handshake. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createBroker } from '../../lib/index.js'
import { attachWebSocket, createServer } from '../../lib/server/server.js'
import { fakeMemory } from '../support/memory.js'
import { makeCertificate } from '../support/tls/certificate.js'

test('while the broker is overloaded, its listeners close new connections, and accept them again afterwards', async t => {
  const look = fakeMemory(t)
  const broker = await createBroker({ maxMemoryBytes: 1000 })
  const refused: string[] = []
  const { key, cert } = await makeCertificate('broker')
  const server = await createServer(
    broker,
    [
      { transport: 'tcp', port: 0, name: 'plain' },
      { transport: 'tls', port: 0, name: 'secure', tls: { key, cert } },
      { transport: 'ws', port: 0, name: 'web' },
    ],
    { onRefused: ({ code }, { listener }) => refused.push(`${listener} ${code}`) },
  )
  const web = createHttpServer((_, response) => response.end('hello'))
  attachWebSocket(broker, web, { path: '/mqtt' })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  const { port } = web.address() as AddressInfo

  look(2000, 2)
  for (const { port } of server.addresses) {
    const socket = net.connect(port!, '127.0.0.1')
    socket.resume()
    await once(socket, 'close')
    assert.equal(socket.bytesRead, 0)
  }
  assert.deepEqual(
    refused,
    ['plain', 'secure', 'web'].map(name => `${name} ANAX_ERR_OVERLOADED`),
  )
  assert.equal(server.refusals.overload, 3)
  assert.equal(broker.stats().connections.total, 0)
  assert.equal(await statusOfUpgrade(port), 503, 'other requests of the application’s server are served')

  look(0, 6)
  const socket = net.connect(server.addresses[0]!.port!, '127.0.0.1')
  socket.write(Buffer.from('100c00044d5154540402000000000000', 'hex'))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  assert.equal(connack.toString('hex'), '20020000')
  socket.destroy()
  web.close()
  web.closeAllConnections()
  await server.close()
  await broker.close()
})

test('listeners of a broker whose memory is short accept connections while clients may come for their queues', async t => {
  const look = fakeMemory(t)
  const broker = await createBroker({ maxMemoryBytes: 1000 })
  const server = await createServer(broker, { transport: 'tcp', port: 0 })
  const web = createHttpServer()
  attachWebSocket(broker, web, { path: '/mqtt' })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  const meter = await broker.client({ clientId: 'meter', clean: false, properties: { sessionExpiryInterval: 60 } })
  await meter.subscribe('a', { qos: 1 })
  await meter.disconnect()
  await broker.publish({ topic: 'a', payload: 'x', qos: 1 })

  look(2000, 2)
  const socket = net.connect(server.addresses[0]!.port!, '127.0.0.1')
  socket.write(Buffer.from('101100044d51545404000000' + '00056d65746572', 'hex'))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  assert.equal(connack.subarray(0, 4).toString('hex'), '20020100', 'its session is present')
  assert.equal(server.refusals.overload, 0)
  assert.equal(await statusOfUpgrade((web.address() as AddressInfo).port), 101)
  socket.destroy()
  web.close()
  web.closeAllConnections()
  await server.close()
  await broker.close()
})

test('a server of the application closes new connections while the broker is overloaded, and accepts them again', async t => {
  const look = fakeMemory(t)
  const broker = await createBroker({ maxMemoryBytes: 1000 })
  const server = net.createServer(socket => {
    if (broker.refusesAll) socket.destroy()
    else broker.handle(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  look(2000, 2)
  const turnedAway = net.connect(port, '127.0.0.1')
  turnedAway.resume()
  await once(turnedAway, 'close')
  assert.equal(turnedAway.bytesRead, 0)
  assert.equal(broker.stats().connections.total, 0)
  look(0, 6)
  const socket = net.connect(port, '127.0.0.1')
  socket.write(Buffer.from('100c00044d5154540402000000000000', 'hex'))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  assert.equal(connack.toString('hex'), '20020000')
  socket.destroy()
  server.close()
  await broker.close()
})

async function statusOfUpgrade(port: number): Promise<number | undefined> {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-protocol': 'mqtt',
  }
  const sent = request({ port, path: '/mqtt', headers })
  sent.end()
  const [response] = (await Promise.race([once(sent, 'response'), once(sent, 'upgrade')])) as [IncomingMessage]
  response.resume()
  response.socket.destroy()
  return response.statusCode
}
