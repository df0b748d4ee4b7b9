/** Proxies in front of the broker: which of them is trusted for a client's address, in each format. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { EventEmitter, once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { WebSocket } from 'ws'
import { type AnaxError, type Client, type ConnectionDetails, createBroker } from '../../../lib/index.js'
import { createServer, type ListenerOptions } from '../../../lib/server/server.js'
import { makeCertificate } from '../../support/tls/certificate.js'

/** CONNECT of MQTT 3.1.1, client id "abcd". */
const CONNECT = Buffer.from('101000044d5154540402003c000461626364', 'hex')
const CONNACK = '20020000'

const V2_SIGNATURE = '0d0a0d0a000d0a515549540a'
const V4_TAIL = 'cb007107' + '7f000001' + '1f90' + '075b'

const LOOPBACK = ['127.0.0.0/8', '::1']
const certificate = await makeCertificate()

/** Header -> the client's address and port, as the broker understands it. */
const HEADERS: Record<string, [header: Buffer, address: string, port: number | undefined]> = {
  'version 1, IPv4': [Buffer.from('PROXY TCP4 203.0.113.7 127.0.0.1 8080 1883\r\n'), '203.0.113.7', 8080],
  'version 1, IPv6': [Buffer.from('PROXY TCP6 2001:db8::7 ::1 8080 1883\r\n'), '2001:db8::7', 8080],
  'version 1, unknown': [Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1', undefined],
  'version 2, IPv4': [Buffer.from(`${V2_SIGNATURE}2111000c${V4_TAIL}`, 'hex'), '203.0.113.7', 8080],
  'version 2, IPv4, with extensions': [
    Buffer.from(`${V2_SIGNATURE}21110013${V4_TAIL}04000400000000`, 'hex'),
    '203.0.113.7',
    8080,
  ],
  'version 2, IPv6': [
    Buffer.from(
      `${V2_SIGNATURE}21210024${'20010db8000000000000000000000007'}${'0'.repeat(31)}1${'1f90'}${'075b'}`,
      'hex',
    ),
    '2001:db8::7',
    8080,
  ],
  'version 2, of the proxy itself': [Buffer.from(`${V2_SIGNATURE}20000000`, 'hex'), '127.0.0.1', undefined],
}

describe('the PROXY protocol', () => {
  for (const [name, [header, address, port]] of Object.entries(HEADERS)) {
    for (const cut of ['at once', 'byte by byte'] as const) {
      it(`${name}, sent ${cut}`, async () => {
        await using scene = await open({ transport: 'tcp', port: 0, proxyProtocol: true, trustedProxies: LOOPBACK })
        const socket = net.connect(scene.port, '127.0.0.1')
        socket.setNoDelay()
        await once(socket, 'connect')
        const bytes = Buffer.concat([header, CONNECT])
        if (cut === 'at once') socket.write(bytes)
        else for (const byte of bytes) socket.write(Buffer.of(byte))
        const client = await scene.connected
        assert.equal(client.address, address)
        if (port !== undefined) assert.equal(client.details.port, port)
        assert.equal(client.details.transport, 'tcp')
        assert.equal(String((await once(socket, 'data'))[0].toString('hex')), CONNACK)
        socket.destroy()
      })
    }
  }

  it('in front of TLS', async () => {
    await using scene = await open({
      transport: 'tls',
      port: 0,
      tls: certificate,
      proxyProtocol: true,
      trustedProxies: LOOPBACK,
    })
    const raw = await proxied(scene.port)
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false })
    socket.write(CONNECT)
    const client = await scene.connected
    assert.deepEqual([client.address, client.details.port, client.details.transport], ['203.0.113.7', 8080, 'tls'])
    socket.destroy()
  })

  it('in front of WebSocket', async () => {
    await using scene = await open({ transport: 'ws', port: 0, proxyProtocol: true, trustedProxies: LOOPBACK })
    const raw = await proxied(scene.port)
    const socket = new WebSocket('ws://localhost/', ['mqtt'], { createConnection: () => raw })
    await once(socket, 'open')
    socket.send(CONNECT)
    const client = await scene.connected
    assert.deepEqual([client.address, client.details.port], ['203.0.113.7', 8080])
    socket.terminate()
  })

  it('in front of WebSocket over TLS', async () => {
    await using scene = await open({
      transport: 'wss',
      port: 0,
      tls: certificate,
      proxyProtocol: true,
      trustedProxies: LOOPBACK,
    })
    const raw = await proxied(scene.port)
    const socket = new WebSocket('wss://localhost/', ['mqtt'], {
      createConnection: () => tls.connect({ socket: raw, rejectUnauthorized: false }),
    })
    await once(socket, 'open')
    socket.send(CONNECT)
    assert.equal((await scene.connected).address, '203.0.113.7')
    socket.terminate()
  })

  it('is read from trusted proxies only; from others its header is invalid MQTT', async () => {
    await using scene = await open({
      transport: 'tcp',
      port: 0,
      proxyProtocol: true,
      trustedProxies: ['192.0.2.0/24'],
    })
    const liar = net.connect(scene.port, '127.0.0.1')
    liar.end(Buffer.concat([Buffer.from('PROXY TCP4 203.0.113.7 127.0.0.1 8080 1883\r\n'), CONNECT]))
    const [, error] = await once(scene.broker, 'connectionError')
    assert.equal((error as AnaxError).code, 'ANAX_ERR_PROTOCOL')
    const honest = net.connect(scene.port, '127.0.0.1')
    honest.write(CONNECT)
    assert.equal((await scene.connected).address, '127.0.0.1')
    honest.destroy()
  })

  const bad = {
    'no header': CONNECT,
    'a header without an address': Buffer.from('PROXY TCP4 example.com 127.0.0.1 8080 1883\r\n'),
    'a header without an end': Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`),
    'a version that there is not': Buffer.from(`${V2_SIGNATURE}3111000c${V4_TAIL}`, 'hex'),
    'a header that says it is huge': Buffer.from(`${V2_SIGNATURE}2111ffff${V4_TAIL}`, 'hex'),
    'too little for its addresses': Buffer.from(`${V2_SIGNATURE}21110002cb00`, 'hex'),
    'nothing at all': Buffer.alloc(0),
  }
  for (const [name, bytes] of Object.entries(bad)) {
    it(`${name} from a trusted proxy is refused and reported`, async () => {
      await using scene = await open({ transport: 'tcp', port: 0, proxyProtocol: true, trustedProxies: LOOPBACK })
      const socket = net.connect(scene.port, '127.0.0.1')
      socket.end(bytes)
      socket.resume()
      socket.on('error', () => {})
      const [error, details] = await scene.refused
      assert.equal(error.code, 'ANAX_ERR_HANDSHAKE')
      assert.match(error.message, /PROXY protocol/)
      assert.equal(details.transport, 'tcp')
      assert.equal(scene.server.refusals.handshake, 1)
      if (!socket.closed) await once(socket, 'close')
    })
  }

  it('is not taken for a packet if the proxy has disconnected before its connection was accepted', async () => {
    await using scene = await open({ transport: 'tcp', port: 0, proxyProtocol: true, trustedProxies: LOOPBACK })
    const reported: unknown[] = []
    scene.broker.on('connectionError', (_client, error) => reported.push(error))
    const accepted = new Promise<void>(resolve => subscribe('net.server.socket', () => resolve()))
    // this process accepts no connection until the other one has ended
    const healthCheck = `require('node:net').connect(${scene.port}, '127.0.0.1', function () {
      this.write(Buffer.from('${V2_SIGNATURE}20000000', 'hex'), () => this.resetAndDestroy())
    })`
    spawnSync(process.execPath, ['-e', healthCheck])
    await accepted
    const next = await proxied(scene.port)
    next.write(CONNECT)
    await scene.connected
    assert.deepEqual(reported, [])
    next.destroy()
  })

  it('must arrive within 10 seconds', async context => {
    await using scene = await open({ transport: 'tcp', port: 0, proxyProtocol: true, trustedProxies: LOOPBACK })
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const accepted = new Promise<void>(resolve => subscribe('net.server.socket', () => resolve()))
    const socket = net.connect(scene.port, '127.0.0.1')
    socket.write('PROXY ')
    await accepted
    context.mock.timers.tick(10_000)
    const [error] = await scene.refused
    assert.match(error.message, /no header in time/)
    socket.destroy()
  })

  it('needs a valid list of trusted proxies', async () => {
    const broker = await createBroker()
    const refused = (options: Partial<ListenerOptions>, message: RegExp) =>
      assert.rejects(createServer(broker, { transport: 'tcp', port: 0, ...options } as ListenerOptions), {
        code: 'ANAX_ERR_LISTEN',
        message,
      })
    await refused({ proxyProtocol: true }, /proxyProtocol needs trustedProxies/)
    for (const proxy of ['localhost', '10.0.0.0/33', '::1/129', '10.0.0.0/8/8', '10.0.0.0/', 5]) {
      await refused({ trustedProxies: [proxy as string] }, /a trusted proxy is an address or a network/)
    }
    await broker.close()
  })
})

describe('Forwarded and X-Forwarded-For', () => {
  /** Trusted proxies, header -> the resulting address. */
  const cases: [trusted: string[], headers: Record<string, string>, address: string][] = [
    [LOOPBACK, {}, '127.0.0.1'],
    [LOOPBACK, { 'x-forwarded-for': '203.0.113.7' }, '203.0.113.7'],
    [LOOPBACK, { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }, '203.0.113.7'],
    [[...LOOPBACK, '203.0.113.0/24'], { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }, '198.51.100.1'],
    [['192.0.2.1'], { 'x-forwarded-for': '203.0.113.7' }, '127.0.0.1'],
    [LOOPBACK, { 'x-forwarded-for': 'not an address' }, '127.0.0.1'],
    [LOOPBACK, { 'x-forwarded-for': '203.0.113.7:4711' }, '203.0.113.7'],
    [LOOPBACK, { forwarded: 'for=203.0.113.7;proto=https' }, '203.0.113.7'],
    [LOOPBACK, { forwarded: 'for="[2001:db8::7]:4711"' }, '2001:db8::7'],
    [LOOPBACK, { forwarded: 'for=198.51.100.1, for=203.0.113.7' }, '203.0.113.7'],
    [LOOPBACK, { forwarded: 'for=unknown' }, '127.0.0.1'],
    [LOOPBACK, { forwarded: 'for="_hidden"' }, '127.0.0.1'],
    [LOOPBACK, { forwarded: ';;;=' }, '127.0.0.1'],
    [LOOPBACK, { forwarded: 'for=203.0.113.7', 'x-forwarded-for': '198.51.100.9' }, '203.0.113.7'],
  ]
  for (const [trustedProxies, headers, address] of cases) {
    it(`${JSON.stringify(headers)} with ${trustedProxies} trusted is ${address}`, async () => {
      await using scene = await open({ transport: 'ws', port: 0, trustedProxies })
      const socket = new WebSocket(`ws://127.0.0.1:${scene.port}/`, ['mqtt'], { headers })
      await once(socket, 'open')
      socket.send(CONNECT)
      assert.equal((await scene.connected).address, address)
      socket.terminate()
    })
  }
})

/** A connection that begins with a header for 203.0.113.7. */
async function proxied(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('PROXY TCP4 203.0.113.7 127.0.0.1 8080 1883\r\n')
  return socket
}

async function open(options: ListenerOptions) {
  const broker = await createBroker()
  const connected = new Promise<Client>(resolve => broker.once('client', resolve))
  const told = new EventEmitter()
  const refused = new Promise<[AnaxError, ConnectionDetails]>(resolve => {
    told.once('refused', (error, details) => resolve([error, details]))
  })
  const onRefused = (error: AnaxError, details: ConnectionDetails) => told.emit('refused', error, details)
  const server = await createServer(broker, options, { onRefused })
  return {
    broker,
    server,
    port: server.addresses[0]!.port!,
    connected,
    refused,
    async [Symbol.asyncDispose]() {
      await server.close()
      await broker.close()
    },
  }
}
