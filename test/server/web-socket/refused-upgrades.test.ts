/** A refused upgrade is reported with its reason, because a browser only says that it failed. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import { type AnaxError, type Broker, createBroker } from '../../../lib/index.js'
import { attachWebSocket, createServer, type Server } from '../../../lib/server/server.js'

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'mqtt',
}

describe('upgrades that a listener refuses', () => {
  let broker: Broker
  let server: Server
  const told: AnaxError[] = []

  before(async () => {
    broker = await createBroker()
    const listener = { transport: 'ws', port: 0, path: '/mqtt', allowedOrigins: ['https://example.com'] } as const
    server = await createServer(broker, listener, {
      onRefused: (error, { transport, address }) => {
        assert.deepEqual([transport, address], ['ws', '127.0.0.1'])
        told.push(error)
      },
    })
  })
  after(async () => {
    await server.close()
    await broker.close()
  })

  /** The status of the answer, and the reported error. */
  async function ask(path: string, headers: http.OutgoingHttpHeaders): Promise<[number | undefined, ...string[]]> {
    const { port } = server.addresses[0]!
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ port, host: '127.0.0.1', path, headers, agent: false }, resolve).once('error', reject)
    })
    response.resume()
    return [response.statusCode, ...told.splice(0).map(({ code, message }) => `${code} ${message.split(': ').at(-1)}`)]
  }

  it('have the wrong path, sub-protocol or origin', async () => {
    assert.deepEqual(await ask('/', UPGRADE), [404, 'ANAX_ERR_HANDSHAKE the path is /mqtt, not /'])
    assert.deepEqual(await ask('/mqtt', { ...UPGRADE, 'sec-websocket-protocol': 'chat' }), [
      400,
      "ANAX_ERR_HANDSHAKE The WebSocket sub-protocol must be 'mqtt'",
    ])
    assert.deepEqual(await ask('/mqtt', { ...UPGRADE, origin: 'http://example.com' }), [
      403,
      'ANAX_ERR_HANDSHAKE This origin may not connect (http://example.com)',
    ])
    assert.equal(server.refusals.handshake, 3)
  })

  it('came through a proxy that does not pass on the header Upgrade', async () => {
    const { upgrade: _, connection: __, ...rest } = UPGRADE
    assert.deepEqual(await ask('/mqtt', rest), [
      426,
      'ANAX_ERR_HANDSHAKE a proxy has to pass on the headers Upgrade and Connection',
    ])
    // a page that is opened in a browser, or a health check
    assert.deepEqual(await ask('/mqtt', {}), [426])
  })
})

it('an allowed origin that no browser sends is refused, with a suggestion', async () => {
  await using broker = await createBroker()
  const attach = (...allowedOrigins: unknown[]) =>
    attachWebSocket(broker, http.createServer(), { allowedOrigins: allowedOrigins as string[] }).close()
  const hints = [
    ['https://example.com/', /'https:\/\/example\.com'\?$/],
    ['https://Example.com', /'https:\/\/example\.com'\?$/],
    ['https://example.com:443', /'https:\/\/example\.com'\?$/],
    ['example.com', /'https:\/\/example\.com'\?$/],
    ['*', /without the option, all may connect$/],
    ['', /such as 'https:\/\/example\.com'$/],
    [7, /such as 'https:\/\/example\.com'$/],
  ] as const
  for (const [wrong, message] of hints) {
    assert.throws(() => attach('https://other.example', wrong), { code: 'ANAX_ERR_ARGUMENT', message })
  }
  attach('https://example.com', 'http://localhost:3000', 'http://[::1]:8080', 'capacitor://localhost', 'null')
})
