/** What a WebSocket may send before its client is connected: `ws` alone would hold a whole message, however large. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { createBroker } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'

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

test('a message that does not end is cut off at maxConnectSize', async () => {
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

test('what follows CONNECT waits for CONNACK, and then a message may be larger', async () => {
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
