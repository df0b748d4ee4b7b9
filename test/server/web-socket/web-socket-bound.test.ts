/** A limit for WebSocket messages that do not end: `ws` alone would buffer all of it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { type AnaxError, type Broker, createBroker } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'
import type { Client } from '../../../types/client/client.js'
import { connectPacket } from '../../support/clients/spec-client.js'

/** CONNECT of MQTT 3.1.1, client id "abcd"; the beginning of a PUBLISH of 200,003 bytes to "a". */
const CONNECT = Buffer.from('101000044d5154540402003c000461626364', 'hex')
const PUBLISH = Buffer.from('30c39a0c000161', 'hex')

async function scene() {
  const broker = await createBroker()
  const server = await createServer(broker, { transport: 'ws', port: 0 })
  const socket = new WebSocket(server.addresses[0]!.url, ['mqtt'])
  await once(socket, 'open')
  socket.on('error', () => {})
  return { broker, server, socket }
}

test('a WebSocket message that does not end is refused at maxConnectSize', async () => {
  const { broker, server, socket } = await scene()
  const told: string[] = []
  broker.on('connectionError', (_, { message }) => told.push(message))
  for (let i = 0; i < 3; i++) socket.send(Buffer.alloc(30_000), { fin: false })
  await once(socket, 'close')
  assert.equal(told.length, 1)
  assert.match(told[0]!, /more than 65536 bytes before CONNECT/)
  await server.close()
  await broker.close()
})

test('data after CONNECT waits for CONNACK, and then a WebSocket message may be larger', async () => {
  const { broker, server, socket } = await scene()
  let accept = () => {}
  const asked = new Promise<void>(resolve => {
    broker.authenticate = () => {
      resolve()
      return new Promise(answer => {
        accept = () => answer(true)
      })
    }
  })
  const published = once(broker, 'publish')
  socket.send(CONNECT)
  await asked
  socket.send(PUBLISH, { fin: false })
  socket.send(Buffer.alloc(100_000), { fin: false })
  socket.send(Buffer.alloc(100_000))
  while (socket.bufferedAmount > 0) await new Promise(resolve => setImmediate(resolve))
  accept()
  const [{ payload }] = await published
  assert.equal(payload.length, 200_000)
  socket.terminate()
  await server.close()
  await broker.close()
})

/** A connected WebSocket, and its client at the broker. */
async function connectedClient(broker: Broker, url: string, clientId: string) {
  const socket = new WebSocket(url, ['mqtt'])
  await once(socket, 'open')
  socket.on('error', () => {})
  const ready = once(broker, 'clientReady')
  socket.send(encode(connectPacket(4, { clientId }), 4))
  const [client] = (await ready) as [Client]
  return { socket, client }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

test('incomplete WebSocket messages of connected clients count for maxIncompleteBytes until they are complete', async () => {
  await using broker = await createBroker({ maxIncompleteBytes: 220_000 })
  await using server = await createServer(broker, { transport: 'ws', port: 0 })
  const { url } = server.addresses[0]!
  const modest = await connectedClient(broker, url, 'modest')
  modest.socket.send(PUBLISH, { fin: false })
  modest.socket.send(Buffer.alloc(10_000), { fin: false })
  await until(() => modest.client.heldBytes > 10_000)
  assert(modest.client.heldBytes < 10_100, `${modest.client.heldBytes}`)

  const greedy = await connectedClient(broker, url, 'greedy')
  const failed = once(broker, 'clientError')
  greedy.socket.send(PUBLISH, { fin: false })
  for (let i = 0; i < 5; i++) greedy.socket.send(Buffer.alloc(50_000), { fin: false })
  const [client, error] = (await failed) as [Client, AnaxError]
  assert.deepEqual([client.id, error.code], ['greedy', 'ANAX_ERR_QUOTA'])
  await until(() => client.closed)
  assert.equal(client.heldBytes, 0)

  const published = once(broker, 'publish')
  modest.socket.send(Buffer.alloc(140_000), { fin: false })
  modest.socket.send(Buffer.alloc(50_000))
  const [{ payload }] = (await published) as [{ payload: Buffer }]
  assert.equal(payload.length, 200_000, 'one alone fits')
  modest.socket.send(Buffer.from([0xc0, 0]))
  await until(() => modest.client.heldBytes === 0)
  modest.socket.terminate()
})
