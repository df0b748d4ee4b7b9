/**
 * Client certificates: the identity, the comparison with client id or user name, and revocation lists, over real TLS
 * connections.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { namesOf } from '../../lib/auth/certificate/names.js'
import { parseRevocationLists } from '../../lib/auth/certificate/revocation-list.js'
import { aclFile, allow, type ClientCertificateOptions, clientCertificate, compose } from '../../lib/auth/index.js'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { type Broker, createBroker } from '../../lib/index.js'
import { createServer } from '../../lib/server/server.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { ConnectPacket } from '../../types/message/packets.js'
import { connectClient, nextMessage } from '../support/clients/mqtt.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { Authority, type Pair, withoutOpenssl } from '../support/tls/authority.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'
import { itRevokes } from '../support/tls/revocation.js'
import { denialsOf } from './support.js'

describe('clientCertificate', { skip: withoutOpenssl }, () => {
  let authority: Authority
  let stranger: Authority
  let server: Pair
  let folder: TemporaryFolder

  before(() => {
    authority = new Authority('Devices')
    stranger = new Authority('Devices')
    server = authority.issue('/CN=localhost', 'DNS:localhost,IP:127.0.0.1')
    folder = temporaryFolder()
  })
  after(() => {
    authority.remove()
    stranger.remove()
    folder.remove()
  })

  interface Scene {
    broker: Broker
    connect(pair: Pair | undefined, login?: { username?: string; clientId?: string }): ReturnType<typeof connectClient>
    denials: string[]
    reload(): Promise<void>
  }

  async function withBroker(options: ClientCertificateOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
    const auth = compose([clientCertificate(options), aclFile({ users: { 'device-1': [allow({ all: 'd1' })] } })])
    const broker = await createBroker({ ...auth })
    const tls = { ...server, ca: authority.certificate, requestCert: true, rejectUnauthorized: false }
    const listener = await createServer(broker, { transport: 'tls', port: 0, tls })
    const url = listener.addresses[0]!.url
    const connect: Scene['connect'] = (pair, login = {}) =>
      connectClient(url, { ...pair, ca: authority.certificate, protocolVersion: 5, ...login })
    try {
      await body({ broker, connect, denials: denialsOf(auth), reload: () => auth.reload() })
    } finally {
      await listener.close()
      await broker.close()
      auth.close()
    }
  }

  it('accepts clients with a certificate of the authority, under the name in it, and no others', async () => {
    await withBroker({}, async ({ connect, denials }) => {
      const device = await connect(authority.issue('/CN=device-1'), { username: 'root' })
      const received = nextMessage(device)
      await device.subscribeAsync('d1')
      await device.publishAsync('d1', 'x', { qos: 1 })
      await received
      await assert.rejects(device.publishAsync('d2', 'x', { qos: 1 }))
      await device.endAsync()
      await assert.rejects(connect(stranger.issue('/CN=device-1')), { code: 0x87 })
      await assert.rejects(connect(authority.issue('/O=nobody')), { code: 0x87 })
      await assert.rejects(connect(authority.issue('/CN=one/CN=two')), { code: 0x87 })
      await assert.rejects(connect(undefined, { username: 'device-1' }), { code: 0x86 })
      assert.deepEqual(denials, [
        'publish no-rule d2',
        ...['connect certificate-unusable', 'connect certificate-unusable', 'connect certificate-unusable'],
        'connect unknown-user',
      ])
    })
  })

  it('takes the name from the configured field, and compares it as configured', async () => {
    const pair = authority.issue('/CN=x', 'DNS:d.example,URI:urn:dev:1,email:d@example.com')
    const fingerprint = new X509Certificate(pair.cert).fingerprint256
    const cases: [ClientCertificateOptions['identity'], string][] = [
      ['dns', 'd.example'],
      ['uri', 'urn:dev:1'],
      ['email', 'd@example.com'],
      ['fingerprint', fingerprint.replaceAll(':', '').toLowerCase()],
    ]
    for (const [identity, name] of cases) {
      await withBroker({ identity: identity!, mustEqual: 'username' }, async ({ connect }) => {
        await (await connect(pair, { username: name })).endAsync()
        await assert.rejects(connect(pair, { username: 'x' }), { code: 0x87 })
      })
      await withBroker({ identity: identity!, mustEqual: 'clientId' }, async ({ connect }) => {
        await (await connect(pair, { clientId: name })).endAsync()
        await assert.rejects(connect(pair, { clientId: 'x' }), { code: 0x87 })
      })
    }
    await withBroker({ fingerprints: [fingerprint] }, async ({ connect }) => {
      await (await connect(pair)).endAsync()
      await assert.rejects(connect(authority.issue('/CN=x')), { code: 0x87 })
    })
  })

  it('refuses revoked certificates, and disconnects their clients when the list is reloaded', async () => {
    const [good, bad] = [authority.issue('/CN=good'), authority.issue('/CN=bad')]
    const crl = folder.write('crl.pem', authority.list())
    const clock = new FakeClock(Date.now())
    await withBroker({ crl, clock }, async ({ broker, connect, denials, reload }) => {
      await (await connect(good)).endAsync()
      const client = await connect(bad, { clientId: 'bad' })
      client.on('error', () => {})
      authority.revoke(bad)
      folder.write('crl.pem', `nonsense`)
      await assert.rejects(reload(), { code: 'ANAX_ERR_OPTION' })
      assert.ok(broker.clients.bad)
      folder.write('crl.pem', stranger.list() + authority.list())
      await reload()
      assert.equal(broker.clients.bad, undefined)
      await assert.rejects(connect(bad), { code: 0x87 })
      await (await connect(good)).endAsync()
      await clock.advance(40 * 86_400_000)
      await assert.rejects(connect(good), { code: 0x87 })
      assert.deepEqual(denials, [
        'stay credentials-withdrawn',
        'connect certificate-revoked',
        'connect revocation-list-expired',
      ])
    })
  })

  itRevokes(
    'clientCertificate',
    async clock => {
      const [alices, roots] = [authority.issue('/CN=alice'), authority.issue('/CN=root')]
      const crl = folder.write('alices.pem', authority.list())
      const auth = clientCertificate({ crl, clock })
      return {
        auth,
        alice: (broker, packet) => enterWith(alices, broker, packet),
        root: (broker, packet) => enterWith(roots, broker, packet),
        remove: () => {
          authority.revoke(alices)
          folder.write('alices.pem', authority.list())
          return auth.reload()
        },
      }
    },
    'remove',
  )

  /** Connects through TLS over a pair of streams. */
  async function enterWith(pair: Pair, broker: Broker, packet: Partial<ConnectPacket>): Promise<SpecClient> {
    const [near, far] = duplexPair()
    const options = { ...server, ca: authority.certificate, requestCert: true, rejectUnauthorized: true }
    createTlsServer(options, socket => broker.handle(socket)).emit('connection', far)
    const stream = connectTls({ socket: near, ...pair, ca: authority.certificate, servername: 'localhost' })
    await once(stream, 'secureConnect')
    const client = new SpecClient(broker, 5, stream)
    const { reasonCode } = await client.connect(packet)
    if (reasonCode !== 0) throw new Error(`refused: ${reasonCode}`)
    return client
  }

  it('reads names exactly, and refuses ambiguous ones', () => {
    const certificate = (subject: string, names?: string) => new X509Certificate(authority.issue(subject, names).cert)
    assert.deepEqual(namesOf(certificate('/CN=a, CN=b'), 'cn'), ['a, CN=b'])
    assert.deepEqual(namesOf(certificate('/CN=ünï/O=CN=x'), 'cn'), ['ünï'])
    assert.deepEqual(namesOf(certificate('/CN=x', 'DNS:a.example,DNS:b.example'), 'dns'), ['a.example', 'b.example'])
    assert.deepEqual(namesOf(certificate('/CN=x', 'URI:http://a/#DNS:b.example'), 'dns'), [])
    assert.deepEqual(namesOf({ subject: 'CN=\\\\61dmin' } as X509Certificate, 'cn'), ['\\61dmin'])
    const fake = { subject: 'CN=a\\00b\nCN=root', subjectAltName: 'DNS:"x, DNS:root", email:a@b' } as X509Certificate
    assert.deepEqual(namesOf(fake, 'cn'), [])
    const several = { subject: 'O=x + CN=a \\+ O=y\nCN=b + O=CN=root' } as X509Certificate
    assert.deepEqual(namesOf(several, 'cn'), ['a + O=y', 'b'])
    assert.deepEqual(namesOf(fake, 'dns'), ['x, DNS:root'])
    assert.deepEqual(namesOf(fake, 'email'), ['a@b'])
  })

  it('refuses invalid options and lists', () => {
    assert.throws(() => clientCertificate({ identity: 'serial' as 'cn' }), { code: 'ANAX_ERR_OPTION' })
    assert.throws(() => clientCertificate({ crl: '/nowhere' }), { code: 'ANAX_ERR_OPTION' })
    const list = Buffer.from(authority.list().replaceAll(/-----.*-----|\s/g, ''), 'base64')
    assert.equal(parseRevocationLists(list, 'x').length, 1)
    for (let length = 0; length < list.length; length += 7) {
      if (length > list.length - 80) break // the signature is not looked at
      assert.throws(() => parseRevocationLists(list.subarray(0, length), 'x'), { code: 'ANAX_ERR_OPTION' }, `${length}`)
    }
  })
})
