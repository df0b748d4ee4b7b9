/**
 * A client of another protocol at the MQTT port, as happens when ports are mixed up: the error says which protocol it
 * may be.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { createBroker } from '../../../lib/index.js'

for (const [what, bytes, message] of [
  ['TLS', Buffer.from('16030100f8010000f4', 'hex'), /\(the client may speak TLS\)$/],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /\(the client may speak HTTP\)$/],
  ['a proxy', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'), /\(it may be a PROXY header, or POST of HTTP\)$/],
] as const) {
  test(`the error names the other protocol if a connection starts like ${what}`, async () => {
    const broker = await createBroker()
    const [client, server] = duplexPair()
    const failed = once(broker, 'connectionError')
    broker.handle(server)
    client.on('error', () => {}).write(bytes)
    const error = (await failed).find(each => each instanceof Error)
    assert.match(String(error), message)
    await broker.close()
  })
}
