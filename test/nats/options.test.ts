/** Options of a cluster on NATS: URLs of servers, and invalid options. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { natsCluster } from '../../lib/nats/index.js'
import { resolveOptions } from '../../lib/nats/options.js'

function resolved(servers: string | string[], connection = {}) {
  const options = resolveOptions({ servers, connection })
  return { servers: options.servers, connection: options.connection }
}

test('URLs have address, user, password, token and TLS', () => {
  assert.deepEqual(resolved('127.0.0.1:4222'), { servers: ['127.0.0.1:4222'], connection: {} })
  assert.deepEqual(resolved(['nats://a:4222', 'b', '[::1]:4222']), {
    servers: ['a:4222', 'b', '[::1]:4222'],
    connection: {},
  })
  assert.deepEqual(resolved('nats://anna:p%40ss:word@a:4222/'), {
    servers: ['a:4222'],
    connection: { user: 'anna', pass: 'p@ss:word' },
  })
  assert.deepEqual(resolved('tls://secret@a'), { servers: ['a'], connection: { token: 'secret', tls: {} } })
})

test('the option connection overrides the URL', () => {
  const connection = { user: 'bert', pass: 'other' }
  assert.deepEqual(resolved('nats://anna:pass@a', connection).connection, connection)
})

test('an invalid server is refused, without the password in the message', () => {
  for (const servers of ['', 'http://a:4222', [], [1]] as string[]) {
    assert.throws(() => natsCluster({ servers }), { code: 'ANAX_ERR_OPTION', message: /servers has to be/ })
  }
  assert.throws(
    () => natsCluster({ servers: 'wss://anna:secret@a' }),
    (error: Error) => !error.message.includes('secret'),
  )
})
