/** Listeners of a broker that is not started yet, or is closed: clients are refused, and the host gets no error. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { Broker, createBroker } from '../../lib/index.js'
import { attachWebSocket, createServer } from '../../lib/server/server.js'
import { connectClient } from '../support/clients/mqtt.js'

async function closedBroker(): Promise<Broker> {
  const broker = await createBroker()
  await broker.close()
  return broker
}

const BROKERS: Record<string, () => Broker | Promise<Broker>> = {
  'not started yet': () => new Broker(),
  closed: closedBroker,
}

for (const [what, make] of Object.entries(BROKERS)) {
  test(`a TCP client of a broker that is ${what} is disconnected`, async () => {
    const server = await createServer(await make(), { transport: 'tcp', port: 0 })
    const socket = net.connect(server.addresses[0]!.port!, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'close')
    await server.close()
  })

  test(`a WebSocket client of a broker that is ${what} gets 503`, async () => {
    const broker = await make()
    const server = await createServer(broker, { transport: 'ws', port: 0 })
    const host = http.createServer().listen(0, '127.0.0.1')
    await once(host, 'listening')
    attachWebSocket(broker, host)
    const attached = `ws://127.0.0.1:${(host.address() as AddressInfo).port}/mqtt`
    for (const url of [server.addresses[0]!.url, attached]) {
      const socket = new WebSocket(url, ['mqtt'])
      socket.on('error', () => {})
      const [, { statusCode }] = await once(socket, 'unexpected-response')
      assert.equal(statusCode, 503)
      socket.terminate()
    }
    await server.close()
    host.close()
  })
}

test('a listener may be opened before its broker is started', async () => {
  const broker = new Broker()
  const server = await createServer(broker, { transport: 'tcp', port: 0 })
  await broker.listen()
  const client = await connectClient(server.addresses[0]!.url)
  await client.endAsync()
  await server.close()
  await broker.close()
})
