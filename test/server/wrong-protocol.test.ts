/** Clients that mix up ports and protocols: the error says what the client may speak instead. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { type AnaxError, createBroker } from '../../lib/index.js'
import { tlsError } from '../../lib/server/handshake-error.js'
import { createServer } from '../../lib/server/server.js'

const CONNECT = Buffer.from('101000044d5154540402003c000461626364', 'hex')
const CLIENT_HELLO = Buffer.from('16030100c8010000c40303', 'hex')

describe('at a port for WebSocket', () => {
  for (const [what, bytes, message] of [
    ['MQTT without WebSocket', CONNECT, /HTTP: .* \(the client may speak MQTT without WebSocket\)$/],
    ['TLS', CLIENT_HELLO, /HTTP: .* \(the client may use TLS\)$/],
    ['anything else', Buffer.from('hello\r\n'), /HTTP: [^()]*$/],
  ] as const) {
    it(`${what} is named`, async () => {
      const broker = await createBroker()
      let told = (_error: AnaxError): void => {}
      const refused = new Promise<AnaxError>(resolve => {
        told = resolve
      })
      const server = await createServer(broker, { transport: 'ws', port: 0 }, { onRefused: error => told(error) })
      const socket = net.connect(server.addresses[0]!.port!, '127.0.0.1').resume()
      const closed = once(socket, 'close')
      socket.write(bytes)
      const { code, message: text } = await refused
      assert.equal(code, 'ANAX_ERR_HANDSHAKE')
      assert.match(text, message)
      await closed
      await broker.close()
      await server.close()
    })
  }
})

describe('the alert of a client that does not accept the certificate', () => {
  for (const reason of [
    'tlsv1 alert unknown ca',
    'sslv3 alert bad certificate',
    'ssl/tls alert bad certificate',
    'sslv3 alert certificate unknown',
    'sslv3 alert certificate expired',
  ]) {
    it(`is explained: ${reason}`, () => {
      const { message } = tlsError(Object.assign(new Error('error:0A000418:SSL routines::alert'), { reason }))
      assert.ok(message.endsWith(`TLS: ${reason} (the client does not accept the certificate)`), message)
    })
  }
})
