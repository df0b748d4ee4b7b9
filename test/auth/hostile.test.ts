/** Names, tokens and answers that imitate others: no module is deceived. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import {
  type Auth,
  aclFile,
  allOf,
  allow,
  anonymous,
  compose,
  custom,
  deny,
  httpAuth,
  identityOf,
  jwt,
  passwordFile,
  scram,
  scramCredentials,
} from '../../lib/auth/index.js'
import { publishPresence } from '../../lib/presence/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { connectPacket, SpecClient } from '../support/clients/spec-client.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { codeOf, denialsOf, enter, quickHash, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

/** Names that look like alice's. */
const LOOK_ALIKES = [
  ...[
    'ALICE',
    'alice ',
    ' alice',
    '\u00a0alice',
    '\ufeffalice',
    'al\u00adice',
    '\u0430lice',
    '\uff41lice',
    'alic\u0065\u0301',
  ],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'],
  ...['%u', '%c', '$&', '$1', '+', '#', 'alice/', '/alice', '*', '.*', 'alice:x', 'alice\nroot'],
]

const secret = randomBytes(32)
const sign = (claims: object) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(secret)

describe('a name that imitates another one', () => {
  const hash = quickHash('x')
  const object = JSON.parse(JSON.stringify({ alice: hash })) as Record<string, string>

  for (const [name, source] of [
    ['an object', object],
    ['a map', new Map([['alice', hash]])],
    ['a function', () => object],
    ['a file', folder.write('users', `alice:${hash}\n`)],
  ] as const) {
    it(`is not accepted by passwordFile: ${name}`, async () => {
      await withAuth(passwordFile(source), async broker => {
        assert.equal(await codeOf(broker, { username: 'alice', password: 'x' }), 0)
        for (const username of LOOK_ALIKES) {
          assert.equal(await codeOf(broker, { username, password: 'x', clientId: 'c' }), 0x86, JSON.stringify(username))
        }
        assert.equal(await codeOf(broker, { username: 'alice', clientId: 'c' }), 0x86)
        assert.equal(await codeOf(broker, { username: 'alice', password: Buffer.alloc(60_000), clientId: 'c' }), 0x86)
        assert.equal(await codeOf(broker, { username: 'alice', password: Buffer.from('x\0'), clientId: 'c' }), 0x86)
        assert.equal(await codeOf(broker, { username: '', password: 'x', clientId: 'c' }), 0x86)
        assert.equal(await codeOf(broker, { username: 'a'.repeat(60_000), password: 'x', clientId: 'c' }), 0x86)
      })
    })
  }

  it('with a character U+0000 in it does not even reach a module', async () => {
    const auth = custom(() => assert.fail('was asked'))
    await withAuth(auth, async broker => {
      const client = new SpecClient(broker, 5)
      // CONNECT of client c, user name a U+0000
      client.sendBytes('10120004 4d515454 05800000 00 0001 63 0002 6100')
      await client.closed()
    })
  })

  it('has no permissions of the other: rules in a file, typed rules, rules of a token', async () => {
    const file = aclFile(folder.write('rules', 'topic public\nuser alice\ntopic a\n'))
    const typed = aclFile({ anonymous: [allow({ all: 'public' })], users: { alice: [allow({ all: 'a' })] } })
    const roles = aclFile({ roles: { alice: [allow({ all: 'a' })] }, groups: { alice: [allow({ all: 'a' })] } })
    for (const user of LOOK_ALIKES) {
      const asked = { user, clientId: 'c', action: 'publish', topic: 'a', roles: [user], groups: [user] } as const
      for (const auth of [file, typed, roles]) {
        assert.equal((await auth.explain(asked)).allowed, false, JSON.stringify(user))
        assert.equal((await auth.explain({ ...asked, topic: 'public' })).allowed, false, JSON.stringify(user))
      }
    }
    await withAuth(compose([jwt({ algorithms: ['HS256'], key: secret }), typed]), async broker => {
      for (const sub of [...LOOK_ALIKES, 'alice\0']) {
        const client = await enter(broker, { username: 'alice', clientId: 'c', password: await sign({ sub }) })
        assert.equal(identityOf(broker.clients.c!).username, sub)
        assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x87, JSON.stringify(sub))
        await client.drop()
      }
    })
  })

  it('is passed unchanged to a service', async () => {
    const asked: unknown[] = []
    const server = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      asked.push(JSON.parse(text).username)
      response.writeHead(403).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      await withAuth(httpAuth({ authenticate: `http://127.0.0.1:${port}` }), async broker => {
        for (const username of LOOK_ALIKES) assert.equal(await codeOf(broker, { username, clientId: 'c' }), 0x86)
      })
      assert.deepEqual(asked, LOOK_ALIKES)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('is refused immediately if passwordFile has no valid source', () => {
    for (const source of [undefined, null, 7, () => undefined, () => 'alice', { alice: 7 }]) {
      assert.throws(() => passwordFile(source as never), { code: 'ANAX_ERR_OPTION' })
    }
  })

  it('is normalized by SCRAM only as SASLprep says', async () => {
    const users = { alice: await scramCredentials('x', { iterations: 4096 }) }
    const auth = scram({ users })
    const denials = denialsOf(auth)
    await withAuth(auth, async broker => {
      const begin = async (name: string) => {
        const client = new SpecClient(broker, 5)
        const data = Buffer.from(`n,,n=${name},r=fyko+d2lbbFgONRv9qkxdawL`)
        const properties = { authenticationMethod: 'SCRAM-SHA-256', authenticationData: data }
        client.send(connectPacket(5, { clientId: 'c', properties }))
        const packet = await client.next()
        await client.drop()
        return packet.cmd
      }
      for (const name of ['alice\0', 'a\u202elice', '\ud800', 'a=lice', 'alice,n=root']) {
        assert.equal(await begin(name), 'connack', JSON.stringify(name))
      }
      for (const name of ['__proto__', 'constructor', '\u0430lice']) assert.equal(await begin(name), 'auth')
    })
    assert.deepEqual(new Set(denials), new Set(['connect malformed-credentials']))
  })
})

describe('places in rules', () => {
  it('are replaced by the exact name, once', async () => {
    const names = ['%u', '%c', '$&', '$1', '%{site}', '$`', '\\', '__proto__']
    const modules: [string, Auth][] = [
      ['file', aclFile(folder.write('places', 'pattern readwrite %u/%c\n'))],
      ['typed', aclFile({ everyone: [allow({ all: '%u/%c' })] })],
    ]
    for (const user of names) {
      for (const clientId of names) {
        for (const [name, auth] of modules) {
          for (const topic of [`${user}/${clientId}`, 'x/x', `${clientId}/${user}`, 'site/site']) {
            const { allowed } = await auth.explain({
              user,
              clientId,
              action: 'publish',
              topic,
              attributes: { site: 'site' },
            })
            // typed rules do not apply to the broker's own topics
            const isMeant = name === 'file' || !user.startsWith('$')
            assert.equal(allowed, isMeant && topic === `${user}/${clientId}`, `${name} ${user} ${clientId} ${topic}`)
          }
        }
      }
    }
  })

  it('of attributes are those of the client, not of all objects', async () => {
    const auth = aclFile({ everyone: [allow({ all: 'a/%{constructor}/%{__proto__}' })] })
    for (const topic of ['a/[object Object]/[object Object]', `a/${Object}/x`, 'a//']) {
      assert.equal((await auth.explain({ clientId: 'c', action: 'publish', topic, attributes: {} })).allowed, false)
    }
  })
})

describe('a log line about a denial', () => {
  it('is a single line without the token, whatever name the client has', async () => {
    const lines: string[] = []
    const auth = compose([jwt({ algorithms: ['HS256'], key: secret, from: ['username'] })], {
      log: line => lines.push(line),
      clock: new FakeClock(),
    })
    await withAuth(auth, async broker => {
      await codeOf(broker, { username: 'a\n2026-01-01 root logged in', clientId: 'c\u202e\r' })
      const token = await new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'HS256' }).sign(randomBytes(32))
      await codeOf(broker, { username: token, clientId: 'd' })
      assert.ok(lines.every(line => !line.includes(token.split('.')[1]!)))
    })
    assert.equal(lines.length, 2)
    for (const line of lines) assert.doesNotMatch(line, /[\n\r\u202e]/)
  })
})

describe('a token in the place of a user name', () => {
  it('is not shown in lists of sessions, in presence messages or in the store', async () => {
    const auth = jwt({ algorithms: ['HS256'], key: secret, from: ['username'] })
    const sign = new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h')
    const token = await sign.sign(secret)
    await withAuth(auth, async broker => {
      const presence = await publishPresence(broker)
      const packet = { properties: { sessionExpiryInterval: 9 } }
      const client = await enter(broker, { username: token, clientId: 'c', packet })
      await presence.settled()
      const texts = [JSON.stringify(await broker.session('c'))]
      for await (const { payload } of broker.retained('$SYS/presence/#')) texts.push(String(payload))
      await presence.close()
      await client.disconnect()
      texts.push(JSON.stringify(await broker.session('c')))
      assert.equal(texts.length, 3)
      for (const text of texts) {
        assert.match(text, /"username":"\(a token\)"/)
        assert.ok(!text.includes(token), text)
      }
    })
  })
})

describe('a claim of a token', () => {
  it('is valid within the clock tolerance, but not longer', async () => {
    const clock = new FakeClock(Date.now())
    const auth = jwt({ algorithms: ['HS256'], key: secret, clockToleranceS: 60, clock })
    await withAuth(auth, async broker => {
      const exp = Math.floor(clock.now() / 1000) - 10
      const password = await new SignJWT({ sub: 'a', exp }).setProtectedHeader({ alg: 'HS256' }).sign(secret)
      const client = await enter(broker, { username: 'x', password })
      await clock.advance(45_000)
      await client.expectNothing()
      await clock.advance(10_000)
      await client.expectDisconnect(0xa0)
    })
  })

  it('is refused if a rule has a place without a value: what it denies would be allowed', async () => {
    const attributes = { tenant: 'tenant' }
    await withAuth(jwt({ algorithms: ['HS256'], key: secret, attributes }), async broker => {
      const rules = (topic: string) => [
        { permission: 'deny', action: 'all', topic },
        { permission: 'allow', action: 'all', topic: '#' },
      ]
      const claims = (topic: string) => sign({ sub: 'a', tenant: 'acme', acl: rules(topic) })
      const password = await claims(`$\{client_attrs.tenant}/no`)
      const client = await enter(broker, { username: 'x', clientId: 'c', password })
      assert.equal(await client.publish({ topic: 'acme/no', qos: 1 }), 0x87)
      assert.equal(await client.publish({ topic: 'other/no', qos: 1 }), 0x10)
      assert.equal(await codeOf(broker, { username: 'x', password: await claims(`$\{peerhost}/no`) }), 0x86)
    })
  })
})

describe('modules that agree', () => {
  it('are all asked again, also one that checks the user name of CONNECT', async () => {
    const known = new Map([['alice', quickHash('x')]])
    const token = jwt({
      algorithms: ['HS256'],
      key: secret,
      from: ['authorization', 'username'],
      mustEqual: 'clientId',
    })
    const auth = allOf([
      token,
      custom(({ client: { id } }) => ({ username: id }), { stillKnows: name => known.has(name.username!) }),
    ])
    const failed: unknown[] = []
    auth.on('failed', error => failed.push(error))
    await withAuth(auth, async broker => {
      const username = await sign({ sub: 'alice' })
      const client = await enter(broker, { username, clientId: 'alice' })
      await auth.recheck()
      await client.expectNothing()
      known.clear()
      await auth.recheck()
      await client.expectDisconnect(0x87)
    })
    assert.deepEqual(failed, [])
  })

  it('keep a client about which a module cannot decide, and still check its subscriptions', async () => {
    let rules = [allow({ all: '#' })]
    const fails = () => Promise.reject(new Error('the database is down'))
    const auth = compose([
      custom(({ username }) => ({ username }), { stillKnows: fails }),
      aclFile(() => ({ everyone: rules })),
    ])
    const failed: unknown[] = []
    auth.on('failed', error => failed.push((error as Error).message))
    await withAuth(auth, async broker => {
      const client = await enter(broker, { username: 'alice', clientId: 'c' })
      await client.subscribe({ topic: 'a', qos: 0 })
      rules = [...rules, deny({ all: 'a' })]
      await auth.reload()
      assert.equal(broker.clients.c?.subscriptions.size, 0)
    })
    assert.deepEqual(new Set(failed), new Set(['the database is down']))
  })
})

describe('anonymous', () => {
  it('accepts no client with a user name, not even an empty one', async () => {
    const auth = compose([
      anonymous({ acl: { anonymous: [allow({ all: '#' })] } }),
      passwordFile({ '': quickHash('x') }),
    ])
    await withAuth(auth, async broker => {
      assert.equal(await codeOf(broker, { clientId: 'c' }), 0)
      assert.equal(await codeOf(broker, { username: '', clientId: 'c' }), 0x86)
      const empty = await enter(broker, { username: '', password: 'x', clientId: 'c' })
      assert.equal(await empty.publish({ topic: 'a', qos: 1 }), 0x87)
    })
  })
})

describe('a service for mosquitto-go-auth', () => {
  it('accepts with status 200 or an answer "ok", and with nothing else', async () => {
    let answer = ''
    const server = createServer((request, response) => {
      request.resume()
      response.end(answer)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { authenticate: `http://127.0.0.1:${port}`, preset: 'mosquitto-go-auth', cacheMs: 0 } as const
    try {
      await withAuth(httpAuth(options), async broker => {
        for (const [text, code] of [
          ...(['', 'ok', 'OK\n', '{"ok":true}', '{"Ok":true,"Error":""}', '"ok"'].map(text => [text, 0]) as [
            string,
            number,
          ][]),
          ...['no', 'invalid credentials', '{"Ok":false}', '{"ok":false}', '{"ok":true,"OK":false}'].map(text => [
            text,
            0x86,
          ]),
          ...['{"ok":"true"}', '{}', '[]', 'null', 'false', '<html>login</html>'].map(text => [text, 0x86]),
        ] as [string, number][]) {
          answer = text
          assert.equal(await codeOf(broker, { username: 'a', password: 'x' }), code, text)
        }
      })
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
