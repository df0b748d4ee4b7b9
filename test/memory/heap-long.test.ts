/** Memory per connection and per stored session, with large numbers of them. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encode } from '../../lib/codec/encode/encoder.js'
import type { ConnectPacket } from '../../types/message/packets.js'
import { endWithUs } from '../support/programs/left-behind.js'

const PROCESS = fileURLToPath(new URL('heap-process.js', import.meta.url))
const CONNECTIONS = 2000
const WARM_UP = 300

/** Heap bytes for a client connected over TCP, including Node's socket: 3,900 were measured. */
const CONNECTION_BOUND = 4300

/** Heap bytes for a stored session without subscriptions and without its identifier: 330 were measured. */
const SESSION_BOUND = 350

function start() {
  const child = endWithUs(fork(PROCESS, { execArgv: ['--expose-gc'] }))
  const ask = async (request: string): Promise<number> => {
    child.send(request)
    const [answer] = await once(child, 'message')
    return answer as number
  }
  return {
    ask,
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

async function open(port: number, number: number): Promise<net.Socket> {
  const packet = { cmd: 'connect', clientId: `client-${number}`, clean: true, keepalive: 60, protocolVersion: 4 }
  const socket = net.connect(port, '127.0.0.1')
  socket.write(encode(packet as ConnectPacket, 4))
  await once(socket, 'data')
  return socket
}

async function openMany(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  while (sockets.length < count) {
    const from = sockets.length
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, (_, i) => open(port, from + i)))))
  }
  return sockets
}

it(`an idle connection takes at most ${CONNECTION_BOUND} bytes of heap`, async () => {
  await using broker = await start()
  const port = await broker.ask('listen')
  for (const socket of await openMany(port, WARM_UP)) socket.destroy()
  while ((await broker.ask('connections')) > 0) await new Promise(resolve => setImmediate(resolve))
  const before = await broker.ask('heap')
  const sockets = await openMany(port, CONNECTIONS)
  const bytes = ((await broker.ask('heap')) - before) / CONNECTIONS
  for (const socket of sockets) socket.destroy()
  assert(bytes > 0 && bytes <= CONNECTION_BOUND, `${Math.round(bytes)} bytes`)
})

it(`a stored session takes at most ${SESSION_BOUND} bytes of heap, apart from its identifier`, async () => {
  await using broker = await start()
  const bytes = await broker.ask('sessions')
  assert(bytes > 0 && bytes <= SESSION_BOUND, `${Math.round(bytes)} bytes`)
})
