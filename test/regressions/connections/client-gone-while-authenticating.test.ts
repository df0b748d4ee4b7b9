/**
 * A client that disconnects while a hook decides about its CONNECT: what it sent before is handled, if it sent
 * anything.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Client } from '../../../types/client/client.js'
import type { Packet } from '../../../types/message/packets.js'
import { connectPacket } from '../../support/clients/spec-client.js'
import { textPacket } from '../../support/clients/traffic.js'

describe('a client that disconnects while a hook decides about its CONNECT', () => {
  let broker: Broker
  let server: Server

  beforeEach(async () => {
    broker = await createBroker()
    server = createServer(broker.handle).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })

  afterEach(async () => {
    server.close()
    await broker.close()
  })

  /** The argument of a hook, and a function that answers it. */
  interface Question {
    client: Client
    answer(verdict: boolean): void
  }

  function nextQuestion(): Promise<Question> {
    return new Promise(resolve => {
      broker.authenticate = client => new Promise(answer => resolve({ client, answer }))
    })
  }

  async function send(socket: Socket, packets: readonly Packet[]): Promise<void> {
    const bytes = Buffer.concat(packets.map(packet => encode(packet, 5)))
    await new Promise<void>(resolve => socket.write(bytes, () => resolve()))
  }

  function dial(): Socket {
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
    socket.on('error', () => {})
    return socket
  }

  const MORE: readonly Packet[] = [
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] },
    textPacket('a', 'x'.repeat(20_000)),
  ]

  function watchWhatIsAsked(): string[] {
    const asked: string[] = []
    broker.authorizeSubscribe = () => asked.push('authorizeSubscribe') > 0
    broker.authorizePublish = () => asked.push('authorizePublish') > 0
    broker.on('client', () => asked.push('client'))
    return asked
  }

  for (const how of ['end', 'destroy', 'resetAndDestroy'] as const) {
    test(`CONNECT alone, then ${how}() while authenticate is pending`, async () => {
      const asked = watchWhatIsAsked()
      const question = nextQuestion()
      const socket = dial()
      await send(socket, [connectPacket(5)])
      const { client, answer } = await question
      const closed = once(client, 'close')
      socket[how]()
      await closed
      answer(true)
      await new Promise(resolve => setImmediate(resolve))
      assert.equal(broker.connectedClients, 0)
      assert.deepEqual(asked, [])
    })

    test(`CONNECT and more packets, then ${how}() while authenticate is pending: the packets are handled`, async () => {
      const asked = watchWhatIsAsked()
      const question = nextQuestion()
      const socket = dial()
      await send(socket, [connectPacket(5)])
      const { client, answer } = await question
      await send(socket, MORE)
      const closed = once(client, 'close')
      socket[how]()
      answer(true)
      await closed
      assert.equal(broker.connectedClients, 0)
      const all = ['client', 'authorizeSubscribe', 'authorizePublish']
      if (how === 'resetAndDestroy') assert.deepEqual(asked, all.slice(0, asked.length), 'a reset may discard them')
      else assert.deepEqual(asked, all)
    })
  }

  test('a client that disconnects during preConnect is not authenticated', async () => {
    let authenticated = 0
    broker.authenticate = () => ++authenticated > 0
    const question = new Promise<Question>(resolve => {
      broker.preConnect = client => new Promise(answer => resolve({ client, answer }))
    })
    const socket = dial()
    await send(socket, [connectPacket(5)])
    const { client, answer } = await question
    const closed = once(client, 'close')
    socket.end()
    await closed
    answer(true)
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(authenticated, 0)
  })

  test('data after CONNECT is limited, and all of it is read once the client is accepted', async () => {
    const question = nextQuestion()
    const received: string[] = []
    broker.on('publish', ({ payload }) => received.push(payload.toString('latin1', 0, 2)))
    const socket = dial()
    await send(socket, [connectPacket(5)])
    const { client, answer } = await question
    const paused = once(client.conn, 'pause')
    const packets = Array.from({ length: 40 }, (_, i) => textPacket('a', String(i + 10) + 'x'.repeat(10_000)))
    const sent = send(socket, packets)
    await paused
    const { bytesRead } = client.conn as Socket
    assert(bytesRead < 300_000, `${bytesRead} bytes`)
    const last = new Promise<void>(resolve => broker.on('publish', () => received.length === 40 && resolve()))
    answer(true)
    await Promise.all([sent, last])
    assert.deepEqual(
      received,
      packets.map(({ payload }) => payload.toString('latin1', 0, 2)),
    )
  })

  test('a client with a stream in memory that disconnects while authenticate is pending', async () => {
    const clock = new FakeClock()
    const question = nextQuestion()
    const [near, far] = duplexPair()
    broker.handle(far)
    near.write(encode(connectPacket(5), 5))
    const { client } = await question
    near.destroy()
    await clock.advance(10)
    assert.equal(client.closed, true)
  })
})
