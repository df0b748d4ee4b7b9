/** Revoked permissions end at once, everywhere, for every module. */
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
  byTransport,
  compose,
  custom,
  httpAuth,
  jwt,
  passwordFile,
  scram,
  scramCredentials,
} from '../../lib/auth/index.js'
import type { Broker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { ConnectPacket } from '../../types/message/packets.js'
import { ScramClient } from '../support/clients/scram-client.js'
import { connectPacket, SpecClient } from '../support/clients/spec-client.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { itRevokes, type Scene } from '../support/tls/revocation.js'
import { codeOf, enter, login, quickHash, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

type Packet = Partial<ConnectPacket>

/** How a user connects with a password. */
const as =
  (username: string, password = 'x') =>
  (broker: Broker, packet: Packet) =>
    enter(broker, { username, password, packet })

const users = { alice: as('alice'), root: as('root') }
const EVERYTHING = [allow({ all: '#' })]
const NARROWED = [allow({ all: ['free', 'wills/#', 'news'] })]

/** Changes something, and makes the module reload it. */
const changing = (auth: Auth, change: () => unknown) => () => {
  change()
  return auth.reload()
}

/** Users in memory. */
const hashes = () => new Map(['alice', 'root'].map(name => [name, quickHash('x')] as const))

/** Typed rules from which `secret` can be removed. */
function rights() {
  const rules = { users: { alice: EVERYTHING, root: EVERYTHING } }
  return {
    module: aclFile(() => rules),
    narrow: () => {
      rules.users = { ...rules.users, alice: NARROWED }
    },
  }
}

/** Users with passwords and rules, combined in some way. */
async function together(put: (passwords: Auth, rules: Auth) => Auth): Promise<Scene> {
  const known = hashes()
  const { module, narrow } = rights()
  const auth = put(passwordFile(known), module)
  return {
    auth,
    ...users,
    narrow: changing(auth, () => narrow()),
    remove: changing(auth, () => known.delete('alice')),
  }
}

describe('a revoked permission', () => {
  itRevokes(
    'passwordFile',
    async () => {
      const lines = new Map([...hashes()].map(([name, hash]) => [name, `${name}:${hash}`]))
      const auth = passwordFile(folder.write('users', [...lines.values()].join('\n')))
      return { auth, ...users, remove: changing(auth, () => folder.write('users', lines.get('root')!)) }
    },
    'remove',
  )

  itRevokes(
    'aclFile',
    async () => {
      const rules = 'user alice\ntopic free\ntopic wills/#\ntopic news\n\nuser root\ntopic #\n'
      const auth = aclFile(folder.write('rules', `user alice\ntopic secret\n${rules}`))
      return { auth, ...users, grantsAll: true, narrow: changing(auth, () => folder.write('rules', rules)) }
    },
    'narrow',
  )

  itRevokes(
    'typed rules',
    async () => {
      const { module, narrow } = rights()
      return { auth: module, ...users, narrow: changing(module, () => narrow()) }
    },
    'narrow',
  )

  itRevokes(
    'typed rules that are filtered at delivery',
    async () => {
      const rules = { users: { alice: EVERYTHING, root: EVERYTHING } }
      const auth = aclFile(() => rules, { widerFilter: 'narrow' })
      const narrow = changing(auth, () => Object.assign(rules.users, { alice: NARROWED }))
      return { auth, ...users, narrow }
    },
    'narrow',
  )

  itRevokes(
    'anonymous',
    async () => {
      let alice = EVERYTHING
      const rooted = compose([passwordFile(hashes()), aclFile(() => ({ users: { root: EVERYTHING } }))])
      const auth = compose([anonymous({ acl: () => ({ anonymous: alice }) }), rooted])
      const narrow = changing(auth, () => {
        alice = NARROWED
      })
      return { auth, alice: (broker, packet) => enter(broker, { packet }), root: users.root, narrow }
    },
    'narrow',
  )

  itRevokes(
    'custom',
    async () => {
      const roles = new Map(['alice', 'root'].map(name => [name, 'everything']))
      const identify = (username: string) => roles.has(username) && { username, roles: [roles.get(username)!] }
      const auth = compose([
        custom(({ username = '' }) => identify(username), { stillKnows: ({ username = '' }) => identify(username) }),
        aclFile({ roles: { everything: EVERYTHING, less: NARROWED } }),
      ])
      return {
        auth,
        ...users,
        narrow: changing(auth, () => roles.set('alice', 'less')),
        remove: changing(auth, () => roles.delete('alice')),
      }
    },
    'both',
  )

  itRevokes(
    'jwt',
    async clock => {
      const key = randomBytes(32)
      let acl: object = { all: ['#'] }
      const auth = jwt({ algorithms: ['HS256'], key, from: ['enhanced'], clock })
      const token = (sub: string, claims: object) =>
        new SignJWT({ sub, ...claims }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('2h').sign(key)
      const connect = async (broker: Broker, packet: Packet, data: string) => {
        const client = new SpecClient(broker, 5)
        const properties = { ...packet.properties, authenticationMethod: 'JWT', authenticationData: Buffer.from(data) }
        const { reasonCode } = await client.connect({ ...packet, properties })
        if (reasonCode !== 0) throw new Error(`refused: ${reasonCode}`)
        return client
      }
      const alice = async (broker: Broker, packet: Packet) => connect(broker, packet, await token('alice', { acl }))
      return {
        auth,
        alice,
        root: async (broker, packet) => connect(broker, packet, await token('root', { acl: { all: ['#'] } })),
        keepsWills: true,
        narrow: async present => {
          acl = { all: ['free', 'wills/#', 'news'] }
          for (const client of present) {
            const authenticationData = Buffer.from(await token('alice', { acl }))
            const properties = { authenticationMethod: 'JWT', authenticationData }
            client.send({ cmd: 'auth', reasonCode: 0x19, properties })
            assert.equal((await client.expect('auth')).reasonCode, 0)
          }
        },
      }
    },
    'narrow',
  )

  itRevokes(
    'jwt whose key is gone',
    async clock => {
      const keys = [randomBytes(32), randomBytes(32)].map(bytes => bytes.toString('base64'))
      const path = folder.write('alices-key', keys[0]!)
      const options = { algorithms: ['HS256'], clock } as const
      const auth = compose([jwt({ ...options, keyFile: path }), passwordFile(hashes())])
      const sign = new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('2h')
      const token = await sign.sign(Buffer.from(keys[0]!))
      const remove = changing(auth, () => folder.write('alices-key', keys[1]!))
      return {
        auth: compose([auth, aclFile({ everyone: EVERYTHING })]),
        alice: as('x', token),
        root: users.root,
        remove,
      }
    },
    'remove',
  )

  itRevokes(
    'httpAuth',
    async () => {
      const known = new Set(['alice', 'root'])
      let isNarrow = false
      const server = createServer(async (request, response) => {
        let text = ''
        for await (const chunk of request) text += chunk
        const { username, topic, password } = JSON.parse(text)
        const isRight = known.has(username) && (request.url === '/acl' || password === 'x')
        const isTaken = isNarrow && username === 'alice' && topic === 'secret'
        response.end(JSON.stringify({ result: isRight && !isTaken ? 'allow' : 'deny' }))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const auth = httpAuth({ authenticate: `${url}/auth`, authorize: `${url}/acl` })
      return {
        auth,
        ...users,
        narrow: changing(auth, () => {
          isNarrow = true
        }),
        remove: changing(auth, () => known.delete('alice')),
        close: () => {
          server.closeAllConnections()
          server.close()
        },
      }
    },
    'both',
  )

  itRevokes(
    'scram',
    async () => {
      const text = await scramCredentials('x', { iterations: 4096 })
      const known = new Map(['alice', 'root'].map(name => [name, text]))
      const auth = scram({ users: known })
      const connect = (username: string) => async (broker: Broker, packet: Packet) => {
        const peer = new ScramClient('sha256', username, 'x')
        const method = { authenticationMethod: 'SCRAM-SHA-256' }
        const client = new SpecClient(broker, 5)
        const properties = { ...packet.properties, ...method, authenticationData: peer.first }
        client.send(connectPacket(5, { ...packet, properties }))
        const challenge = await client.expect('auth')
        const authenticationData = peer.final(challenge.properties?.authenticationData)
        client.send({ cmd: 'auth', reasonCode: 0x18, properties: { ...method, authenticationData } })
        const { reasonCode } = await client.expect('connack')
        if (reasonCode !== 0) throw new Error(`refused: ${reasonCode}`)
        return client
      }
      const remove = changing(auth, () => known.delete('alice'))
      return { auth, alice: connect('alice'), root: connect('root'), remove }
    },
    'remove',
  )

  itRevokes('compose', () => together((passwords, rules) => compose([passwords, rules])), 'both')
  itRevokes('allOf', () => together((passwords, rules) => allOf([passwords, rules])), 'both')
  itRevokes(
    'byTransport',
    () => together((passwords, rules) => byTransport({ tls: anonymous(), stream: compose([passwords, rules]) })),
    'both',
  )
})

describe('a change while a client connects', () => {
  /** Holds checks until they are released, and reports when one begins. */
  function gate() {
    let begin = () => {}
    let open = () => {}
    const began = new Promise<void>(resolve => {
      begin = resolve
    })
    const opened = new Promise<void>(resolve => {
      open = resolve
    })
    const pass = () => {
      begin()
      return opened
    }
    return { began, open, pass }
  }

  const LATER = { sessionExpiryInterval: 1000 }

  it('applies to a session that is resumed as well', async () => {
    const known = new Set(['alice'])
    let held: ReturnType<typeof gate> | undefined
    const check = async (username: string) => {
      const isKnown = known.has(username)
      await held?.pass()
      return isKnown && { username }
    }
    const auth = compose([
      custom(({ username = '' }) => check(username), { stillKnows: ({ username = '' }) => known.has(username) }),
      aclFile({ everyone: EVERYTHING }),
    ])
    await withAuth(auth, async broker => {
      const first = await enter(broker, { username: 'alice', packet: { properties: LATER } })
      await first.subscribe({ topic: 'news', qos: 1 })
      await first.drop()
      held = gate()
      const resuming = login(broker, { username: 'alice', packet: { clean: false, properties: LATER } })
      await held.began
      known.delete('alice')
      await auth.reload()
      held.open()
      await (await resuming).client.expectDisconnect(0x87)
    })
  })

  it('leaves no expiry timer if the client disconnects before the check is done', async () => {
    const clock = new FakeClock(Date.now())
    const held = gate()
    const auth = custom(
      async ({ username }) => {
        await held.pass()
        return { username, expiresAt: clock.now() + 1_000_000 }
      },
      { clock },
    )
    await withAuth(auth, async broker => {
      const client = new SpecClient(broker, 5)
      client.send(connectPacket(5, { username: 'alice' }))
      await held.began
      await client.drop()
      const timers = clock.pendingTimers
      held.open()
      await new Promise(setImmediate)
      assert.equal(clock.pendingTimers, timers)
    })
  })
})

describe('a reload', () => {
  it('reports every invalid file', async () => {
    const [users, rules] = [folder.write('r-users', ''), folder.write('r-rules', '')]
    const keys = folder.write('r-key', randomBytes(32).toString('hex'))
    const auth = compose([passwordFile(users), jwt({ algorithms: ['HS256'], keyFile: keys }), aclFile(rules)])
    const told: string[] = []
    auth.on('reloadFailed', ({ message }) => told.push(message))
    for (const name of ['r-users', 'r-rules', 'r-key']) folder.write(name, 'x')
    await assert.rejects(auth.reload(), /r-users/)
    assert.equal(told.length, 3)
    auth.close()
  })
})

describe('the result of a function of the application', () => {
  it('must be an identity: without one, a client is refused or disconnected', async () => {
    for (const wrong of [true, 'alice', {}, { username: 5 }, { username: 'a', roles: 'admin' }]) {
      await withAuth(
        custom(() => wrong as never),
        async broker => {
          assert.notEqual(await codeOf(broker, { username: 'alice' }), 0, JSON.stringify(wrong))
        },
      )
    }
    for (const expiresAt of [Number.NaN, 'tomorrow' as never]) {
      await withAuth(
        custom(({ username }) => ({ username, expiresAt })),
        async broker => {
          assert.notEqual(await codeOf(broker, { username: 'alice' }), 0, String(expiresAt))
        },
      )
    }
    const auth = custom(({ username }) => ({ username }), { stillKnows: () => undefined as never })
    await withAuth(auth, async broker => {
      const alice = await enter(broker, { username: 'alice' })
      await auth.recheck()
      await alice.expectDisconnect(0x87)
    })
  })
})
