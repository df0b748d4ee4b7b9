/** The transports of the standard, on real sockets: TCP, TLS and WebSocket carry the same bytes in the same order. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { WebSocket } from 'ws'
import { createBroker } from '../../../lib/index.js'
import { createServer, type ListenerOptions } from '../../../lib/server/server.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { connectBytes, packetBytes, propertiesOf, textField } from '../../support/bytes.js'
import { makeCertificate } from '../../support/tls/certificate.js'

const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5]

/** A connection that sends bytes, and the bytes received so far. */
interface Line {
  send(bytes: Buffer): void
  received(): Buffer
  /** Resolves when more bytes have arrived. */
  more(): Promise<unknown>
  close(): void
}

/** A broker that listens, while `body` runs. */
async function listening(options: ListenerOptions, body: (port: number) => Promise<void>): Promise<void> {
  const broker = await createBroker()
  const server = await createServer(broker, options)
  try {
    await body(server.addresses[0]!.port!)
  } finally {
    await server.close()
    await broker.close()
  }
}

function lineOf(socket: Socket): Line {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('error', () => {})
  return {
    send: bytes => socket.write(bytes),
    received: () => Buffer.concat(chunks),
    more: () => once(socket, 'data'),
    close: () => socket.destroy(),
  }
}

async function webSocketTo(port: number, offered: string[] = ['mqtt']): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, offered)
  await once(socket, 'open')
  return socket
}

function lineOfWebSocket(socket: WebSocket): Line {
  const chunks: Buffer[] = []
  socket.on('message', (data, isBinary) => {
    assert.equal(isBinary, true)
    chunks.push(data as Buffer)
  })
  return {
    send: bytes => socket.send(bytes),
    received: () => Buffer.concat(chunks),
    more: () => once(socket, 'message'),
    close: () => socket.terminate(),
  }
}

/** CONNECT, SUBSCRIBE, a thousand messages to itself: all are received, in order. */
async function exchange(line: Line, version: ProtocolVersion): Promise<void> {
  const publishes = Array.from({ length: 1000 }, (_, i) =>
    packetBytes(0x30, textField('a'), propertiesOf(version), Buffer.from(`${i};`).toString('hex')),
  )
  line.send(hex(connectBytes(version), packetBytes(0x82, '0001', propertiesOf(version), textField('a'), '00')))
  line.send(hex(...publishes))
  const expected = hex(...publishes)
  await until(line, received => received.length >= expected.length && received.subarray(-5).includes('999;'))
  assert.deepEqual(line.received().subarray(-expected.length), expected)
  line.close()
}

async function until(line: Line, isComplete: (received: Buffer) => boolean): Promise<void> {
  while (!isComplete(line.received())) await line.more()
}

function hex(...parts: string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(/\s/g, ''), 'hex')
}

for (const version of VERSIONS) {
  test(`[3.1.1 MQTT-7.1.1-1] [5.0 MQTT-4.2-1] TCP keeps all bytes in order (version ${version})`, async () => {
    await listening({ transport: 'tcp', port: 0 }, async port => {
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      await exchange(lineOf(socket), version)
    })
  })

  test(`[3.1.1 MQTT-7.1.1-1] [5.0 MQTT-4.2-1] TLS keeps all bytes in order (version ${version})`, async () => {
    const { key, cert } = await makeCertificate()
    await listening({ transport: 'tls', port: 0, tls: { key, cert } }, async port => {
      const socket = tls.connect({ port, host: '127.0.0.1', ca: [cert], checkServerIdentity: () => undefined })
      await once(socket, 'secureConnect')
      await exchange(lineOf(socket), version)
    })
  })

  test(`[3.1.1 MQTT-7.1.1-1] [5.0 MQTT-4.2-1] WebSocket keeps all bytes in order (version ${version})`, async () => {
    await listening({ transport: 'ws', port: 0 }, async port => {
      await exchange(lineOfWebSocket(await webSocketTo(port)), version)
    })
  })

  test(`[3.1.1 MQTT-6.0.0-2] [5.0 MQTT-6.0.0-2] the borders of WebSocket frames need not be those of packets (version ${version})`, async () => {
    await listening({ transport: 'ws', port: 0 }, async port => {
      const socket = await webSocketTo(port)
      const line = lineOfWebSocket(socket)
      for (const byte of hex(connectBytes(version))) line.send(Buffer.of(byte))
      await until(line, received => received.length >= 4)
      const publish = packetBytes(0x30, textField('a'), propertiesOf(version), '78')
      const both = hex(packetBytes(0x82, '0001', propertiesOf(version), textField('a'), '00'), publish, publish)
      line.send(both.subarray(0, -3))
      line.send(both.subarray(-3))
      const echoed = hex(publish, publish)
      await until(line, received => received.subarray(-echoed.length).equals(echoed))
      line.close()
    })
  })

  test(`[3.1.1 MQTT-6.0.0-1] [5.0 MQTT-6.0.0-1] a WebSocket text frame closes the connection (version ${version})`, async () => {
    await listening({ transport: 'ws', port: 0 }, async port => {
      for (const before of [Buffer.alloc(0), hex(connectBytes(version))]) {
        const socket = await webSocketTo(port)
        const closed = once(socket, 'close')
        if (before.length > 0) socket.send(before)
        socket.send('text')
        assert.equal((await closed)[0], 1003)
      }
    })
  })
}

test('[3.1.1 MQTT-6.0.0-3] [5.0 MQTT-6.0.0-3] a WebSocket client that does not offer the sub-protocol mqtt is refused', async () => {
  await listening({ transport: 'ws', port: 0 }, async port => {
    for (const offered of [[], ['chat'], ['mqttv5']]) {
      await assert.rejects(webSocketTo(port, offered), /400/)
    }
  })
})

test('[3.1.1 MQTT-6.0.0-4] [5.0 MQTT-6.0.0-4] the broker chooses the WebSocket sub-protocol mqtt', async () => {
  await listening({ transport: 'ws', port: 0 }, async port => {
    for (const offered of [['mqtt'], ['chat', 'mqtt'], ['mqttv3.1', 'mqtt']]) {
      const socket = await webSocketTo(port, offered)
      assert.equal(socket.protocol, 'mqtt')
      socket.terminate()
    }
  })
})
