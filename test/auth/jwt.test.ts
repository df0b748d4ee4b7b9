/**
 * Tokens: valid, invalid and expired ones; where they are found; the permissions in their claims; expiry and renewal.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { compose, type JwtOptions, jwt, passwordFile } from '../../lib/auth/index.js'
import { createBroker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { AuthPacket } from '../../types/message/packets.js'
import { publishPacket } from '../support/clients/spec-client.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { codeOf, denialsOf, enter, login, quickHash, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

const secret = randomBytes(64)
const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
const { publicKey, privateKey } = pairs.RS256
const hs: JwtOptions = { algorithms: ['HS256'], key: secret }

interface Made {
  alg?: string
  key?: KeyObject | Uint8Array
  claims?: Record<string, unknown>
  /** A time relative to now, or to the test's own clock in seconds since the epoch. */
  expires?: string | number | null
  kid?: string
}

function token({ alg = 'HS256', key = secret, claims = {}, expires = '1h', kid }: Made = {}): Promise<string> {
  const made = new SignJWT({ sub: 'alice', ...claims }).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
  if (expires !== null) made.setExpirationTime(expires)
  return made.sign(key)
}

function unsigned(header: object, claims: object, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${signature}`
}

const hour = () => Math.floor(Date.now() / 1000) + 3600

describe('a token', () => {
  it('is accepted with each kind of algorithm, and the key that belongs to it', async () => {
    for (const [alg, pair] of Object.entries(pairs)) {
      const auth = jwt({ algorithms: [alg], key: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string })
      await withAuth(auth, async broker => {
        const good = await token({ alg, key: pair.privateKey })
        assert.equal(await codeOf(broker, { username: 'x', password: good }), 0, alg)
        const other = await token({ alg, key: generateKeyPairSync('ed25519').privateKey }).catch(() => 'a.b.c')
        assert.equal(await codeOf(broker, { username: 'x', password: other }), 0x86, alg)
      })
    }
  })

  it('is refused if it is wrong, expired, not yet valid, unsigned, or signed with a public key', async () => {
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const auth = jwt({ algorithms: ['RS256', 'PS256'], key: pem, issuer: 'us', audience: 'broker' })
    const denials = denialsOf(auth)
    const claims = { iss: 'us', aud: 'broker' }
    const rs = (made: Made) => token({ alg: 'RS256', key: privateKey, claims, ...made })
    await withAuth(auth, async broker => {
      const ask = async (password: string) => codeOf(broker, { username: 'x', password })
      assert.equal(await ask(await rs({})), 0)
      assert.equal(await ask(await rs({ alg: 'PS256' })), 0)
      const bad: [string, string][] = [
        [await rs({ expires: '-1s' }), 'token-expired'],
        [await rs({ expires: null }), 'token-claims'],
        [await rs({ claims: { ...claims, iss: 'them' } }), 'token-claims'],
        [await rs({ claims: { iss: 'us' } }), 'token-claims'],
        [await rs({ claims: { ...claims, nbf: hour() } }), 'token-claims'],
        [await rs({ alg: 'RS512' }), 'token-invalid'],
        [await token({ alg: 'HS256', key: Buffer.from(pem), claims }), 'token-invalid'],
        [unsigned({ alg: 'none' }, { sub: 'alice', exp: hour(), ...claims }), 'token-invalid'],
        [unsigned({ alg: 'None' }, { sub: 'alice', exp: hour(), ...claims }), 'token-invalid'],
        [unsigned({ alg: 'RS256', kid: '../../../dev/null' }, { sub: 'alice', exp: hour() }, 'AAAA'), 'token-invalid'],
        [unsigned({ alg: 'RS256', jwk: await exportJWK(publicKey) }, { exp: hour() }, 'AAAA'), 'token-invalid'],
        [unsigned({ alg: 'RS256', crit: ['x'], x: 1 }, { exp: hour() }, 'AAAA'), 'token-invalid'],
        [`${(await rs({})).slice(0, -4)}AAAA`, 'token-invalid'],
        ['a.b.c', 'token-invalid'],
        [await rs({ claims: { ...claims, sub: '' } }), 'token-claims'],
        [await rs({ claims: { ...claims, sub: { toString: 'alice' } } }), 'token-claims'],
      ]
      for (const [text, code] of bad) {
        denials.length = 0
        assert.equal(await ask(text), 0x86, `${code} ${text}`)
        assert.deepEqual(denials, [`connect ${code}`], text)
      }
      denials.length = 0
      for (const text of ['', 'wonderland', 'x'.repeat(60_000), 'a.b']) assert.equal(await ask(text), 0x86)
      assert.deepEqual(new Set(denials), new Set(['connect unknown-user']))
    })
  })

  it('is read from user name, headers and cookies; cookies only from allowed origins', async () => {
    const good = await token()
    const auth = jwt({
      ...hs,
      from: ['username', 'authorization', 'cookie'],
      cookie: 'sid',
      allowedOrigins: ['https://us'],
    })
    const { authenticator } = (await import('../../lib/auth/auth.js')).partsOf(auth)
    const ask = async (username: string | undefined, headers: Record<string, string>) => {
      const client = { id: 'x', req: { headers } }
      const outcome = await authenticator!.authenticate!({ client, username, password: undefined } as never)
      return outcome === undefined ? undefined : 'denied' in outcome ? outcome.denied : outcome.identity.username
    }
    assert.equal(await ask(good, {}), 'alice')
    assert.equal(await ask(undefined, { authorization: `Bearer ${good}` }), 'alice')
    assert.equal(await ask(undefined, { authorization: `Basic ${good}` }), undefined)
    assert.equal(await ask(undefined, { cookie: `a=b; sid=${good}`, origin: 'https://us' }), 'alice')
    assert.equal(await ask(undefined, { cookie: `sid=${good}`, origin: 'https://us.evil' }), 'token-invalid')
    assert.equal(await ask(undefined, { cookie: `sid=${good}` }), 'token-invalid')
    assert.equal(await ask(undefined, {}), undefined)
    auth.close()
  })

  it('must be for this client, if the options say so', async () => {
    const auth = jwt({ ...hs, mustEqual: 'username', clientIdClaim: 'device' })
    await withAuth(auth, async broker => {
      const password = await token({ claims: { device: 'd1' } })
      assert.equal(await codeOf(broker, { username: 'alice', clientId: 'd1', password }), 0)
      assert.equal(await codeOf(broker, { username: 'alice', clientId: 'd2', password }), 0x86)
      assert.equal(await codeOf(broker, { username: 'bob', clientId: 'd1', password }), 0x86)
    })
  })

  it('leaves passwords to other modules', async () => {
    const auth = compose([jwt(hs), passwordFile({ bob: quickHash('builder') })])
    await withAuth(auth, async broker => {
      assert.equal(await codeOf(broker, { username: 'x', password: await token() }), 0)
      assert.equal(await codeOf(broker, { username: 'bob', password: 'builder' }), 0)
      assert.equal(await codeOf(broker, { username: 'bob', password: await token({ key: randomBytes(64) }) }), 0x86)
    })
  })
})

describe('an unsafe configuration', () => {
  it('is refused', () => {
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const wrong: [JwtOptions, RegExp][] = [
      [{ algorithms: [], key: secret }, /algorithms/],
      [{ algorithms: ['none'], key: secret }, /algorithms/],
      [{ algorithms: ['HS256', 'RS256'], key: secret }, /algorithms are all/],
      [{ algorithms: ['HS256'], key: pem }, /public key is not a secret/],
      [{ algorithms: ['HS256'], key: publicKey }, /need a secret/],
      [{ algorithms: ['HS512'], key: randomBytes(32) }, /at least 64 bytes/],
      [{ algorithms: ['RS256'], key: 'secret' }, /key is invalid/],
      [{ algorithms: ['RS256'] }, /one of key/],
      [{ algorithms: ['RS256'], key: pem, jwks: { keys: [] } }, /one of key/],
      [{ algorithms: ['HS256'], jwks: { keys: [] } }, /public keys/],
      [{ algorithms: ['RS256'], jwks: 'http://example.com/keys' }, /https/],
      [{ algorithms: ['RS256'], keyFile: '/nowhere' }, /cannot read/],
      [{ ...hs, from: [] }, /from/],
      [{ ...hs, from: ['cookie'], cookie: 'sid' }, /allowedOrigins/],
    ]
    for (const [options, message] of wrong) {
      assert.throws(() => jwt(options), { code: 'ANAX_ERR_OPTION', message }, JSON.stringify(options))
    }
  })
})

describe('keys by URL', () => {
  const servers: Server[] = []
  // all stay open until the end: a kept-alive connection would reach a new server on the same port
  after(() => {
    for (const server of servers) server.close().closeAllConnections()
  })

  async function serve(answer: (response: ServerResponse, request: number) => void) {
    let requests = 0
    const server = createServer((_request, response) => answer(response, ++requests)).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, count: () => requests }
  }

  const jwk = async (pair: { publicKey: KeyObject }, kid: string) => ({
    ...(await exportJWK(pair.publicKey)),
    kid,
    alg: 'ES256',
  })

  it('are fetched once, and again for an unknown key', async () => {
    const second = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = [await jwk(pairs.ES256, 'one')]
    const { url, count } = await serve(response => response.end(JSON.stringify({ keys })))
    const auth = jwt({ algorithms: ['ES256'], jwks: url, jwksCooldownMs: 0 })
    await withAuth(auth, async broker => {
      const first = await token({ alg: 'ES256', key: pairs.ES256.privateKey, kid: 'one' })
      const later = await token({ alg: 'ES256', key: second.privateKey, kid: 'two' })
      for (let time = 0; time < 3; time++) assert.equal(await codeOf(broker, { username: 'x', password: first }), 0)
      assert.equal(count(), 1)
      keys.push(await jwk(second, 'two'))
      assert.equal(await codeOf(broker, { username: 'x', password: later }), 0)
      assert.equal(count(), 2)
      // when a key is withdrawn, clients with its tokens are disconnected
      const client = await enter(broker, { username: 'x', password: first })
      keys.shift()
      await auth.reload()
      await client.expectDisconnect(0x87)
      assert.equal(await codeOf(broker, { username: 'x', password: first }), 0x86)
    })
  })

  it('that arrive late accept the waiting clients, with one request; a second answer changes nothing', async () => {
    const keys = [await jwk(pairs.ES256, 'one')]
    let asked: (response: ServerResponse) => void
    const request = new Promise<ServerResponse>(resolve => {
      asked = resolve
    })
    const { url, count } = await serve(response => asked(response))
    const password = await token({ alg: 'ES256', key: pairs.ES256.privateKey, kid: 'one' })
    await withAuth(jwt({ algorithms: ['ES256'], jwks: url }), async broker => {
      const codes = ['a', 'b', 'c'].map(clientId => codeOf(broker, { username: 'x', clientId, password }))
      // a client that is refused before the keys arrive no longer waits for them
      const response = await Promise.race([request, ...codes])
      assert.ok(typeof response === 'object', `refused: ${response}`)
      response.end(JSON.stringify({ keys }))
      response.socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"keys":[]}')
      assert.deepEqual(await Promise.all(codes), [0, 0, 0])
      assert.equal(await codeOf(broker, { username: 'x', password }), 0)
      assert.equal(count(), 1)
    })
  })

  it('that are too late, missing or invalid accept nobody', async () => {
    const password = await token({ alg: 'ES256', key: pairs.ES256.privateKey, kid: 'one' })
    const answers: ((response: ServerResponse) => void)[] = [
      () => {},
      response => response.end('garbage'),
      response => response.end('{"keys":"none"}'),
      response => response.end('{"keys":[]}{"keys":[]}'),
      response => response.writeHead(500).end(),
      response => response.destroy(),
    ]
    for (const answer of answers) {
      const { url } = await serve(answer)
      const auth = jwt({ algorithms: ['ES256'], jwks: url, jwksTimeoutMs: 50 })
      const denials = denialsOf(auth)
      await withAuth(auth, async broker => {
        assert.equal(await codeOf(broker, { username: 'x', password }), 0x88)
      })
      assert.deepEqual(denials, ['connect keys-unavailable'])
    }
  })
})

describe('the claims of a token', () => {
  it("become permissions, in EMQX's formats; the first matching rule decides", async () => {
    const acl = [
      { permission: 'deny', action: 'publish', topic: 'a/secret' },
      { permission: 'allow', action: 'publish', topic: 'a/#' },
      { permission: 'allow', action: 'all', topic: `own/$\{username}/$\{clientid}/#` },
      { permission: 'allow', action: 'subscribe', topic: 'eq +/x' },
      { permission: 'allow', action: 'subscribe', topic: 'qos', qos: [0] },
      { permission: 'deny', topic: 'b/no' },
      { permission: 'allow', action: 'subscribe', topic: 'b/+' },
    ]
    const auth = jwt(hs)
    await withAuth(auth, async broker => {
      const password = await token({ claims: { acl } })
      const client = await enter(broker, { username: 'x', clientId: 'c', password })
      const publish = async (topic: string, more = {}) => client.publish({ topic, qos: 1, ...more })
      assert.equal(await publish('a/b'), 0x10)
      assert.equal(await publish('a/secret'), 0x87)
      assert.equal(await publish('own/alice/c/x'), 0x10)
      assert.equal(await publish('own/x/c/x'), 0x87)
      const subscribe = (topic: string) => client.subscribe({ topic, qos: 2 })
      assert.deepEqual(await subscribe('+/x'), [2])
      assert.deepEqual(await subscribe('b/+'), [0x87])
      assert.deepEqual(await subscribe('b/yes'), [2])
      assert.deepEqual(await subscribe('own/alice/c/#'), [2])
      assert.deepEqual(await subscribe('qos'), [0x87])
    })
    const lists = await token({ claims: { acl: { pub: ['p'], sub: ['s'], all: ['b'] } } })
    await withAuth(jwt(hs), async broker => {
      const client = await enter(broker, { username: 'x', password: lists })
      assert.deepEqual(await client.subscribe({ topic: 's', qos: 0 }, { topic: 'p', qos: 0 }), [0, 0x87])
    })
  })

  it('become limits, which the broker announces and enforces, exactly within one SUBSCRIBE', async () => {
    const limits = { maximumQoS: 1, retainAvailable: false, maxPacketSize: 100, maxSubscriptions: 2 }
    await withAuth(jwt(hs), async broker => {
      const password = await token({ claims: { limits, acl: { all: ['#'] } } })
      const { client, connack } = await login(broker, { username: 'x', clientId: 'c', password })
      const { maximumQoS, retainAvailable, maximumPacketSize } = connack.properties ?? {}
      assert.deepEqual([maximumQoS, retainAvailable, maximumPacketSize], [1, false, 100])
      const filters = ['a', 'b', 'a', 'c', 'd'].map(topic => ({ topic, qos: 2 as const }))
      assert.deepEqual(await client.subscribe(...filters), [1, 1, 1, 0x97, 0x97])
      client.send({ ...publishPacket({ topic: 'a', qos: 2, messageId: 1 }) })
      await client.expectDisconnect(0x9b)
    })
    const tried = jwt({ ...hs, dryRun: 'authorization' })
    await withAuth(tried, async broker => {
      const client = await enter(broker, { username: 'x', password: await token({ claims: { limits } }) })
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 2 }), [2], 'in a dry run nothing is withheld from it')
    })
  })

  it('of another format refuse the token', async () => {
    await withAuth(jwt({ ...hs, rolesClaim: 'roles' }), async broker => {
      for (const claims of [
        { acl: 'all' },
        { acl: [{ permission: 'allow', topic: 'a/#/b' }] },
        { acl: [{ permission: 'maybe', topic: 'a' }] },
        { acl: { publish: ['a'] } },
        { acl: { pub: 'a' } },
        { acl: [{ permission: 'deny', topic: '$share/g/a' }] },
        { limits: { maximumQoS: 7 } },
        { limits: { maxSubscriptions: -1 } },
        { limits: { maxPayload: 5 } },
        { limits: [] },
        { roles: [1] },
      ]) {
        const password = await token({ claims })
        assert.equal(await codeOf(broker, { username: 'x', password }), 0x86, JSON.stringify(claims))
      }
    })
  })
})

describe('the end of a token', () => {
  it('ends the connection with 0xA0, unless it is renewed by re-authentication', async () => {
    const clock = new FakeClock(Date.now())
    const auth = jwt({ ...hs, from: ['password', 'enhanced'], clock })
    const broker = await createBroker({ ...auth, clock })
    // by the broker's clock: the system clock continues while the test waits for its turn
    const inSeconds = (seconds: number) => Math.floor(clock.now() / 1000) + seconds
    const password = await token({ expires: inSeconds(60) })
    const plain = await enter(broker, { username: 'x', clientId: 'plain', password })
    const extended = async (seconds: number, claims = {}) => ({
      authenticationMethod: 'JWT',
      authenticationData: Buffer.from(await token({ expires: inSeconds(seconds), claims })),
    })
    const again = (properties: AuthPacket['properties']): AuthPacket => ({
      cmd: 'auth',
      reasonCode: 0x19,
      properties: properties!,
    })
    const client = await enter(broker, { clientId: 'extended', packet: { properties: await extended(60) } })
    client.send(again(await extended(600, { acl: { sub: ['a'] } })))
    assert.equal((await client.expect('auth')).reasonCode, 0)
    await clock.advance(61_000)
    await plain.expectDisconnect(0xa0)
    await client.expectNothing()
    assert.deepEqual(await client.subscribe({ topic: 'a', qos: 0 }, { topic: 'b', qos: 0 }), [0, 0x87])
    // other permissions: subscriptions that they do not cover end
    const ended = once(broker, 'unsubscribe', { signal: AbortSignal.timeout(10_000) })
    client.send(again(await extended(600, { acl: { sub: ['c'] } })))
    await client.expect('auth')
    await ended
    assert.deepEqual([...broker.clients.extended!.subscriptions.keys()], [])
    client.send(again(await extended(600, { sub: 'bob' })))
    await client.expectDisconnect(0x87)
    const other = await login(broker, { packet: { properties: { authenticationMethod: 'OTHER' } } })
    assert.equal(other.connack.reasonCode, 0x8c)
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
    auth.close()
    assert.equal(clock.pendingTimers, 0)
  })
})
