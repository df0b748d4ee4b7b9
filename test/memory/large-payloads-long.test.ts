/** Large payloads do not let V8 collect its whole heap again and again. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encode } from '../../lib/codec/encode/encoder.js'
import type { Packet } from '../../types/message/packets.js'
import { endWithUs } from '../support/programs/left-behind.js'

const PROCESS = fileURLToPath(new URL('large-payloads-process.js', import.meta.url))
const PAYLOAD_BYTES = 16 * 1024
const WINDOW = 50
/** After these V8 has begun to collect the heap too often, and the broker to prevent it. */
const WARM_UP = 10_000
const MESSAGES = 20_000

/** Two at most were counted in nine runs. Without the collections that the broker asks for, there were 15 to 28. */
const BOUND = 4

async function client(port: number, clientId: string): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1').setNoDelay()
  await answered(socket, { cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion: 4 } as Packet)
  return socket
}

async function answered(socket: net.Socket, packet: Packet): Promise<void> {
  socket.write(encode(packet, 4))
  await once(socket, 'data')
}

it('20,000 messages of 16 KiB cause hardly any full collection', async () => {
  const child = endWithUs(fork(PROCESS))
  const [port] = await once(child, 'message')
  const publisher = await client(port, 'publisher')
  const subscriber = await client(port, 'subscriber')
  await answered(subscriber, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  const payload = Buffer.alloc(PAYLOAD_BYTES)
  const packet = encode({ cmd: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false }, 4)
  let bytes = 0
  let awaited = 0
  subscriber.on('data', chunk => {
    const before = Math.floor(bytes / packet.length)
    bytes += chunk.length
    const after = Math.floor(bytes / packet.length)
    for (let received = before; received < after; received++) {
      if (received + WINDOW < awaited) publisher.write(packet)
    }
    if (after === awaited) subscriber.emit('all')
  })
  const fullCollectionsAfter = async (messages: number): Promise<number> => {
    const all = once(subscriber, 'all')
    bytes = 0
    awaited = messages
    for (let sent = 0; sent < WINDOW; sent++) publisher.write(packet)
    await all
    child.send('count')
    const [count] = await once(child, 'message')
    return count as number
  }
  const before = await fullCollectionsAfter(WARM_UP)
  const count = (await fullCollectionsAfter(MESSAGES)) - before
  publisher.destroy()
  subscriber.destroy()
  child.kill()
  await once(child, 'exit')
  assert.ok(count <= BOUND, `${count} full collections`)
})
