/** TLS of the listeners: safe defaults, session resumption, certificates that are replaced at runtime. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'
import { type AnaxError, createBroker } from '../../lib/index.js'
import { createServer, type ListenerOptions, type TlsSource } from '../../lib/server/server.js'
import { makeCertificate } from '../support/tls/certificate.js'

const [first, second] = [await makeCertificate('first'), await makeCertificate('second')]

describe('TLS', () => {
  it('has forward secrecy and authenticated encryption only', async () => {
    await using scene = await open(first)
    const offer = async (options: ConnectionOptions) => {
      const socket = await connect(scene.port, options)
      const { name } = socket.getCipher()
      const protocol = socket.getProtocol()
      socket.destroy()
      return `${protocol} ${name}`
    }
    assert.match(await offer({}), /^TLSv1\.3 TLS_/)
    assert.match(await offer({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-ECDSA-.*(GCM|POLY1305)/)
    for (const options of [
      { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' },
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
      { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' },
    ] satisfies ConnectionOptions[]) {
      await assert.rejects(connect(scene.port, options), JSON.stringify(options))
    }
  })

  it('accepts other settings of the application', async () => {
    await using scene = await open({ ...first, ciphers: 'ECDHE-ECDSA-AES128-SHA', maxVersion: 'TLSv1.2' })
    const socket = await connect(scene.port, { ciphers: 'ECDHE-ECDSA-AES128-SHA' })
    assert.equal(socket.getCipher().name, 'ECDHE-ECDSA-AES128-SHA')
    socket.destroy()
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`resumes sessions of ${version}, after a reload too`, async () => {
      await using scene = await open(() => first)
      const options = { minVersion: version, maxVersion: version } satisfies ConnectionOptions
      const session = await sessionOf(await connect(scene.port, options))
      assert.equal(await isResumed(scene.port, { ...options, session }), true)
      await scene.server.reload()
      assert.equal(await isResumed(scene.port, { ...options, session }), true)
    })
  }

  it('uses a new certificate for new connections after reload(), and keeps open connections', async () => {
    let certificate = first
    await using scene = await open(async () => certificate)
    const before = await connect(scene.port)
    assert.equal(nameOf(before), 'first')
    certificate = second
    await scene.server.reload()
    const after = await connect(scene.port)
    assert.equal(nameOf(after), 'second')
    before.write(Buffer.from('101000044d5154540402003c000461626364', 'hex'))
    assert.equal((await once(before, 'data'))[0].toString('hex'), '20020000')
    before.destroy()
    after.destroy()
  })

  it('keeps its certificate if the new one is invalid', async () => {
    let certificate = first
    await using scene = await open(() => certificate)
    certificate = { ...first, cert: 'no certificate' }
    await assert.rejects(scene.server.reload(), { code: 'ANAX_ERR_LISTEN', message: /key or certificate/ })
    certificate = { key: second.key, cert: first.cert }
    await assert.rejects(scene.server.reload(), { code: 'ANAX_ERR_LISTEN' })
    const socket = await connect(scene.port)
    assert.equal(nameOf(socket), 'first')
    socket.destroy()
  })

  it('reports a failed handshake', async () => {
    await using scene = await open(first)
    const socket = net.connect(scene.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end('this is not TLS at all, and never will be')
    const [error] = await scene.refused
    assert.equal(error.code, 'ANAX_ERR_HANDSHAKE')
    assert.match(error.message, /TLS: wrong version number \(the client may not use TLS\)$/)
    assert.equal(scene.server.refusals.handshake, 1)
    socket.destroy()
  })

  for (const transport of ['tls', 'wss'] as const) {
    it(`says what it may mean that a client ends the handshake: ${transport}`, async () => {
      await using scene = await open(first, { transport })
      const socket = tls.connect({ port: scene.port, host: '127.0.0.1', rejectUnauthorized: true })
      await once(socket, 'error')
      const [error] = await scene.refused
      assert.equal(error.code, 'ANAX_ERR_HANDSHAKE')
      assert.match(error.message, /TLS: .*\(a health check, or the client does not accept the certificate\)$/)
    })

    it(`closes a connection whose handshake takes too long, and reports it once: ${transport}`, async () => {
      await using scene = await open({ ...first, handshakeTimeout: 20 }, { transport })
      const socket = net.connect(scene.port, '127.0.0.1').resume()
      const closed = once(socket, 'close')
      const [error] = await scene.refused
      assert.match(error.message, /TLS: TLS handshake timeout$/)
      await closed
      assert.equal(scene.server.refusals.handshake, 1)
    })
  }

  it('reports connections beyond maxConnections, and closes them', async () => {
    await using scene = await open(first, { maxConnections: 1 })
    const one = await connect(scene.port)
    const two = net.connect(scene.port, '127.0.0.1')
    two.on('error', () => {})
    const [error] = await scene.refused
    assert.equal(error.code, 'ANAX_ERR_SERVER_BUSY')
    assert.equal(scene.server.refusals.connections, 1)
    if (!two.closed) await once(two, 'close')
    one.destroy()
  })
})

async function connect(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  await once(socket, 'secureConnect')
  return socket
}

function nameOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN)
}

/** The session that the server offers; in TLS 1.3 it arrives after the handshake. */
async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  const [session] = socket.getProtocol() === 'TLSv1.3' ? await once(socket, 'session') : [socket.getSession()]
  socket.destroy()
  return session
}

async function isResumed(port: number, options: ConnectionOptions): Promise<boolean> {
  const socket = await connect(port, options)
  const isReused = socket.isSessionReused()
  socket.destroy()
  return isReused
}

async function open(source: TlsSource, options: Partial<ListenerOptions> = {}) {
  const broker = await createBroker()
  let told = (_error: AnaxError): void => {}
  const refused = new Promise<[AnaxError]>(resolve => {
    told = error => resolve([error])
  })
  const listener = { transport: 'tls', port: 0, tls: source, ...options } as ListenerOptions
  const server = await createServer(broker, listener, { onRefused: error => told(error) })
  return {
    server,
    port: server.addresses[0]!.port!,
    refused,
    async [Symbol.asyncDispose]() {
      await broker.close()
      await server.close()
    },
  }
}
