/** The listeners: transports, refusals, failures, and closing. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, renameSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { TlsOptions } from 'node:tls'
import type { IClientOptions } from 'mqtt'
import { type AnaxError, type Broker, createBroker } from '../../lib/index.js'
import { createServer, type ListenerOptions, type Server } from '../../lib/server/server.js'
import { connectClient, nextMessage } from '../support/clients/mqtt.js'
import { type Certificate, makeCertificate, type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'

const isWindows = process.platform === 'win32'
const withoutSocketFiles = isWindows && 'Windows has named pipes, which are no files'
const withEveryPermission = process.getuid?.() === 0 && 'root has every permission'

describe('createServer', () => {
  let certificate: Certificate
  let folder: TemporaryFolder
  let broker: Broker
  let server: Server | undefined

  before(async () => {
    certificate = await makeCertificate()
    folder = temporaryFolder()
    broker = await createBroker()
  })
  afterEach(() => server?.close())
  after(async () => {
    await broker.close()
    folder.remove()
  })

  async function urlOf(options: ListenerOptions): Promise<string> {
    server = await createServer(broker, options)
    return server.addresses[0]?.url ?? assert.fail('no address')
  }

  it('listens for plain MQTT', async () => {
    await exchange(await urlOf({ transport: 'tcp', port: 0 }))
  })

  it('listens for MQTT over TLS', async () => {
    const { key, cert } = certificate
    await exchange(await urlOf({ transport: 'tls', port: 0, tls: { key, cert } }), { ca: [cert] })
  })

  it('listens for MQTT over WebSocket, on any path', async () => {
    await exchange(`${await urlOf({ transport: 'ws', port: 0 })}/whatever`)
  })

  it('listens for MQTT over WebSocket and TLS', async () => {
    const { key, cert } = certificate
    await exchange(await urlOf({ transport: 'wss', port: 0, tls: { key, cert } }), { ca: [cert] })
  })

  it(isWindows ? 'listens on a named pipe' : 'listens on a Unix socket', async () => {
    const path = isWindows ? `\\\\?\\pipe\\anax-${process.pid}` : join(folder.path, 'anax.sock')
    assert.equal(await urlOf({ transport: 'unix', path }), `mqtt+unix://${path}`)
    await exchange(`mqtt+unix://${path}`)
  })

  it('listens on IPv6, with the right URL', async t => {
    if (!(await hasIPv6())) return t.skip('this machine has no IPv6')
    const url = await urlOf({ transport: 'tcp', host: '::1', port: 0 })
    assert.match(url, /^mqtt:\/\/\[::1\]:\d+$/)
  })

  it('replaces a Unix socket that a killed process has left', { skip: withoutSocketFiles }, async () => {
    const path = join(folder.path, 'left.sock')
    await leaveSocket(path)
    assert.ok(existsSync(path))
    await urlOf({ transport: 'unix', path })
    await exchange(`mqtt+unix://${path}`)
  })

  it('does not replace a Unix socket that is in use, nor another file', { skip: withoutSocketFiles }, async () => {
    const path = join(folder.path, 'used.sock')
    server = await createServer(broker, { transport: 'unix', path })
    await refused({ transport: 'unix', path }, /used\.sock is in use/)
    await refused({ transport: 'unix', path: folder.write('letter.txt', 'dear reader') }, /letter\.txt is in use/)
  })

  it('reports that a port is in use', async () => {
    server = await createServer(broker, { transport: 'tcp', port: 0 })
    const port = server.addresses[0]?.port ?? 0
    for (const transport of ['tcp', 'ws'] as const) {
      await refused({ transport, port }, new RegExp(`port ${port} of 127\\.0\\.0\\.1 is in use`))
    }
  })

  it('reports other errors', async () => {
    await refused({ transport: 'tcp', host: '203.0.113.1', port: 0 }, /does not have the address/)
    await refused({ transport: 'tcp', host: 'host.invalid', port: 0 }, /host name .* is not known/)
    await refused({ transport: 'tcp', port: 70_000 }, /70000/)
    const tls = { key: 'not a key', cert: 'not a certificate' }
    await refused({ transport: 'tls', port: 0, tls }, /key or certificate not acceptable/)
    await refused({ transport: 'wss', port: 0, tls }, /key or certificate not acceptable/)
  })

  it('reports an invalid key or certificate, with which each handshake would fail', async () => {
    const [{ key, cert }, other] = [await makeCertificate(), await makeCertificate()]
    const encrypted = createPrivateKey(key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    })
    for (const [tls, message] of [
      [{}, /cert is missing/],
      [{ key, cert: '' }, /cert is missing/],
      [{ cert }, /key is missing/],
      [{ key: 'key.pem', cert: 'cert.pem' }, /no PEM, .*: give the content of a file, not its name\)$/],
      [{ key: cert, cert: key }, /no PEM/],
      [{ key: cert, cert }, /the key is no private key that can be read/],
      [{ key, cert, ca: 'ca.pem' }, /ca: this is no PEM/],
      [{ key, cert, ca: [cert, Buffer.from('ca.pem')] }, /ca: this is no PEM/],
      [{ key: other.key, cert }, /the key belongs to another certificate/],
      [{ key: encrypted, cert }, /the key is encrypted, and the passphrase is missing or wrong/],
    ] as const) {
      await refused({ transport: 'tls', port: 0, tls: tls as TlsOptions }, message)
    }
    for (const tls of [
      { key: encrypted, cert, passphrase: 'x' },
      { key, cert, ca: Buffer.from(cert) },
    ]) {
      await (await createServer(broker, { transport: 'tls', port: 0, tls })).close()
    }
  })

  it('reports other invalid arguments', async () => {
    const tcp = { transport: 'tcp', port: 0 } as const
    const open = (...args: unknown[]) => createServer(...(args as Parameters<typeof createServer>))
    const argument = { code: 'ANAX_ERR_ARGUMENT' }
    await assert.rejects(open(undefined, tcp), { ...argument, message: /has to be a broker, got undefined$/ })
    await assert.rejects(open(Promise.resolve(broker), tcp), {
      ...argument,
      message: /a promise: await createBroker\(\)$/,
    })
    const listen = { code: 'ANAX_ERR_LISTEN' }
    await assert.rejects(open(broker, tcp, { onrefused() {} }), { ...listen, message: /no option 'onrefused'/ })
    await assert.rejects(open(broker, tcp, { onError: 'log' }), { ...listen, message: /onError has to be a function/ })
  })

  it('reports invalid options of a listener', async () => {
    await refused({ transport: 'quic' } as never, /there is no transport 'quic'/)
    await refused('tcp' as never, /a listener needs a transport: tcp, tls/)
    await refused(undefined as never, /a listener needs a transport: tcp, tls/)
    await refused({ port: 0 } as never, /a listener needs a transport: tcp, tls/)
    await refused({ transport: 'tls', port: 0 } as never, /tls needs the option tls/)
    await refused({ transport: 'wss', port: 0 } as never, /wss needs the option tls/)
    await refused({ transport: 'unix' } as never, /unix needs the option path/)
    // it would be served without TLS
    await refused({ transport: 'tcp', port: 0, tls: {} } as never, /a tcp listener has no option 'tls'; it has host, /)
    await refused({ transport: 'ws', port: 0, hots: '0.0.0.0' } as never, /a ws listener has no option 'hots'/)
  })

  it('reports that the folder of a Unix socket is missing', { skip: withoutSocketFiles }, async () => {
    await refused({ transport: 'unix', path: join(folder.path, 'missing', 'x.sock') }, /folder of .* does not exist/)
  })

  it('reports that permission is missing', { skip: withoutSocketFiles || withEveryPermission }, async () => {
    const path = join(folder.path, 'locked')
    chmodSync(folder.path, 0o500)
    await refused({ transport: 'unix', path }, /no permission for/)
    chmodSync(folder.path, 0o700)
  })

  it('opens all listeners or none', async () => {
    const taken = await createServer(broker, { transport: 'tcp', port: 0 })
    const free = await createServer(broker, { transport: 'tcp', port: 0 })
    const [takenPort, freePort] = [taken.addresses[0]?.port ?? 0, free.addresses[0]?.port ?? 0]
    await free.close()
    const listeners = [freePort, takenPort].map(port => ({ transport: 'tcp' as const, port }))
    await assert.rejects(createServer(broker, listeners))
    server = await createServer(broker, { transport: 'tcp', port: freePort })
    await taken.close()
  })

  it('stops listening immediately, and leaves connections to the broker', async () => {
    const url = await urlOf({ transport: 'tcp', port: 0 })
    const client = await connectClient(url)
    await server?.close()
    const probe = net.connect(Number(new URL(url).port), '127.0.0.1')
    await assert.rejects(once(probe, 'connect'), { code: 'ECONNREFUSED' })
    assert.equal(client.connected, true)
    await client.endAsync()
  })

  async function refused(options: ListenerOptions, message: RegExp): Promise<void> {
    await assert.rejects(createServer(broker, options), (error: AnaxError) => {
      assert.equal(error.code, 'ANAX_ERR_LISTEN')
      assert.match(error.message, message)
      return true
    })
  }
})

/** One client publishes to itself. */
async function exchange(url: string, options: IClientOptions = {}): Promise<void> {
  const client = await connectClient(url, options)
  const message = nextMessage(client)
  await client.subscribeAsync('greeting', { qos: 1 })
  await client.publishAsync('greeting', 'x'.repeat(100_000), { qos: 1 })
  const { topic, payload } = await message
  assert.equal(topic, 'greeting')
  assert.equal(payload.length, 100_000)
  await client.endAsync()
}

/** A socket file without a process: bound, then moved away and back while its server closes. */
async function leaveSocket(path: string): Promise<void> {
  const server = net.createServer()
  server.listen(path)
  await once(server, 'listening')
  renameSync(path, `${path}.away`)
  server.close()
  await once(server, 'close')
  renameSync(`${path}.away`, path)
}

async function hasIPv6(): Promise<boolean> {
  const probe = net.createServer()
  try {
    probe.listen(0, '::1')
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}
