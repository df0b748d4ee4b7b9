/** SCRAM in a broker: both methods, wrong proofs, unknown users, strict messages, changes while connected. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { compose, passwordFile, scram, scramCredentials } from '../../lib/auth/index.js'
import { parseCredentials, saslPrep } from '../../lib/auth/scram/credentials.js'
import { readFinal, readFirst } from '../../lib/auth/scram/messages.js'
import type { Broker } from '../../lib/index.js'
import type { AuthPacket } from '../../types/message/packets.js'
import { ScramClient } from '../support/clients/scram-client.js'
import { connectPacket, SpecClient } from '../support/clients/spec-client.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { codeOf, denialsOf, quickHash, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

const auth = (reasonCode: number, authenticationData: Buffer, authenticationMethod: string): AuthPacket => {
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod, authenticationData } }
}

const PEERS = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const
type Method = keyof typeof PEERS

/**
 * Runs the exchange.
 * @returns the client, and the code of CONNACK
 */
async function enter(broker: Broker, username: string, password: string, method: Method = 'SCRAM-SHA-256') {
  const peer = new ScramClient(PEERS[method], username, password)
  const client = new SpecClient(broker, 5)
  const properties = { authenticationMethod: method, authenticationData: peer.first }
  client.send(connectPacket(5, { clientId: username, properties }))
  const challenge = await client.expect('auth')
  client.send(auth(0x18, peer.final(challenge.properties?.authenticationData), method))
  const connack = await client.expect('connack')
  if (connack.reasonCode === 0) peer.verify(connack.properties?.authenticationData)
  return { client, code: connack.reasonCode }
}

const ALICE = await scramCredentials('wonderland', { iterations: 4096 })
const ALICE_512 = await scramCredentials('wonderland', { iterations: 4096, method: 'SCRAM-SHA-512' })

describe('scram', () => {
  it('accepts clients that prove that they know the password, with either method, and no others', async () => {
    const module = scram({
      users: async (username, method) =>
        username === 'alice' ? (method === 'SCRAM-SHA-256' ? ALICE : ALICE_512) : undefined,
    })
    const denials = denialsOf(module)
    await withAuth(module, async broker => {
      assert.equal((await enter(broker, 'alice', 'wonderland')).code, 0)
      assert.equal((await enter(broker, 'alice', 'wonderland', 'SCRAM-SHA-512')).code, 0)
      assert.equal((await enter(broker, 'alice', 'builder')).code, 0x87)
      assert.equal((await enter(broker, 'bob', 'wonderland')).code, 0x87)
      assert.equal(await codeOf(broker, { username: 'alice', password: 'wonderland' }), 0x86)
      const properties = { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=a,r=12345678') }
      assert.equal(await codeOf(broker, { packet: { properties } }), 0x8c)
    })
    assert.deepEqual(denials, ['connect proof-wrong', 'connect unknown-user', 'connect unknown-user'])
  })

  /** The challenge for a user, without the nonce. */
  async function askedBy(broker: Broker, username: string, method: Method = 'SCRAM-SHA-256') {
    const client = new SpecClient(broker, 5)
    const data = Buffer.from(`n,,n=${username},r=fyko+d2lbbFgONRv9qkxdawL`)
    const properties = { authenticationMethod: method, authenticationData: data }
    client.send(connectPacket(5, { properties }))
    const text = String((await client.expect('auth')).properties?.authenticationData)
    await client.drop()
    return text.replace(/^r=[^,]+/, '')
  }

  it('answers an unknown user like a known one: with the same salt every time', async () => {
    await withAuth(scram({ users: { alice: ALICE }, iterations: 4096 }), async broker => {
      const challenge = (username: string, method?: Method) => askedBy(broker, username, method)
      for (const username of ['alice', 'bob', 'constructor']) {
        assert.equal(await challenge(username), await challenge(username))
        assert.match(await challenge(username), /^,s=[A-Za-z0-9+/]{22}==,i=4096$/)
      }
      assert.notEqual(await challenge('bob'), await challenge('carol'))
      // an existing user has a different salt for each method
      assert.notEqual(await challenge('bob'), await challenge('bob', 'SCRAM-SHA-512'))
    })
  })

  it('answers an unknown user in the same way after a restart, with a key from an option or a file', async () => {
    const secretFile = join(folder.path, 'scram.key')
    for (const kept of [{ secret: 'a key of the application' }, { secretFile }]) {
      const asked = new Set<string>()
      for (let start = 0; start < 2; start++) {
        await withAuth(scram({ users: {}, ...kept }), async broker => {
          asked.add(await askedBy(broker, 'bob'))
        })
      }
      assert.equal(asked.size, 1)
    }
    if (process.platform !== 'win32') assert.equal(statSync(secretFile).mode & 0o777, 0o600)
    const short = folder.write('short.key', 'x')
    for (const wrong of [{ secret: 'short' }, { secretFile: short }, { secret: 'x'.repeat(16), secretFile }]) {
      assert.throws(() => scram({ users: {}, ...wrong }), { code: 'ANAX_ERR_OPTION' })
    }
  })

  it('does not keep a user who was deleted between the two messages of the exchange', async () => {
    const users = new Map([['alice', ALICE]])
    const module = scram({ users })
    await withAuth(module, async broker => {
      const peer = new ScramClient('sha256', 'alice', 'wonderland')
      const client = new SpecClient(broker, 5)
      const properties = { authenticationMethod: 'SCRAM-SHA-256', authenticationData: peer.first }
      client.send(connectPacket(5, { clientId: 'alice', properties }))
      const challenge = await client.expect('auth')
      users.delete('alice')
      await module.reload()
      client.send(auth(0x18, peer.final(challenge.properties?.authenticationData), 'SCRAM-SHA-256'))
      await client.expectDisconnect(0x87)
    })
  })

  it('disconnects, when users are reloaded, those that were deleted or have a new password', async () => {
    const users = new Map([
      ['alice', ALICE],
      ['bob', ALICE],
    ])
    const module = scram({ users })
    await withAuth(module, async broker => {
      const { client: alice } = await enter(broker, 'alice', 'wonderland')
      const { client: bob } = await enter(broker, 'bob', 'wonderland')
      users.set('alice', await scramCredentials('other', { iterations: 4096 }))
      await module.reload()
      await alice.expectDisconnect(0x87)
      await bob.expectNothing()
      // the same user, again
      const peer = new ScramClient('sha256', 'bob', 'wonderland')
      bob.send(auth(0x19, peer.first, 'SCRAM-SHA-256'))
      const challenge = await bob.expect('auth')
      bob.send(auth(0x18, peer.final(challenge.properties?.authenticationData), 'SCRAM-SHA-256'))
      assert.equal((await bob.expect('auth')).reasonCode, 0)
      // another one, on the same connection
      users.set('carol', ALICE)
      const other = new ScramClient('sha256', 'carol', 'wonderland')
      bob.send(auth(0x19, other.first, 'SCRAM-SHA-256'))
      const second = await bob.expect('auth')
      bob.send(auth(0x18, other.final(second.properties?.authenticationData), 'SCRAM-SHA-256'))
      await bob.expectDisconnect(0x87)
    })
  })

  it('works together with modules for clients that name no method', async () => {
    const module = compose([scram({ users: { alice: ALICE } }), passwordFile({ bob: quickHash('builder') })])
    await withAuth(module, async broker => {
      assert.equal((await enter(broker, 'alice', 'wonderland')).code, 0)
      assert.equal(await codeOf(broker, { username: 'bob', password: 'builder' }), 0)
    })
  })

  it('refuses invalid options', async () => {
    for (const options of [
      { users: { alice: 'x' } },
      { users: {}, methods: [] },
      { users: {}, methods: ['SCRAM-SHA-1'] },
    ]) {
      assert.throws(() => scram(options as never), { code: 'ANAX_ERR_OPTION' })
    }
    await assert.rejects(scramCredentials('x', { iterations: 1 }), { code: 'ANAX_ERR_OPTION' })
    await assert.rejects(scramCredentials('a\u0007'), { code: 'ANAX_ERR_OPTION' })
  })
})

describe('the messages of SCRAM', () => {
  const first = (text: string) => readFirst(Buffer.from(text))

  it('must have the format of RFC 5802', () => {
    assert.equal(first('n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL')?.username, 'user')
    assert.equal(first('y,a=u,n=a=2Cb=3D,r=12345678')?.username, 'a,b=')
    for (const wrong of [
      '',
      'n,,n=,r=12345678',
      'n,,n=a,r=1234',
      'n,,n=a,r=1234567,8',
      'n,,n=a=2,r=12345678',
      'n,,m=x,n=a,r=12345678',
      'p=tls-unique,,n=a,r=12345678',
      `n,,n=a,r=12345678,x=${'y'.repeat(5000)}`,
    ]) {
      assert.equal(first(wrong), undefined, wrong)
    }
    assert.equal(readFinal(Buffer.from('c=biws,r=abc,p=dGVzdA=='))?.channelBinding, 'n,,')
    for (const wrong of ['', 'c=biws,r=abc', 'r=abc,p=dGVzdA==', 'c=biws,p=dGVzdA==,r=abc']) {
      assert.equal(readFinal(Buffer.from(wrong)), undefined, wrong)
    }
  })

  it('have names and passwords prepared according to RFC 4013', () => {
    const examples: [string, string | undefined][] = [
      ['I\u00adX', 'IX'],
      ['user', 'user'],
      ['\u00aa', 'a'],
      ['\u2168', 'IX'],
      ['a\u00a0b', 'a b'],
      ['\u0007', undefined],
      ['a\0', undefined],
    ]
    for (const [text, prepared] of examples) assert.equal(saslPrep(text), prepared)
  })

  it('have the proofs of the example in RFC 7677', () => {
    const text =
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='
    assert.equal(parseCredentials(text)?.iterations, 4096)
    for (const wrong of [text.replace('4096', '1'), text.replace('SHA-256', 'SHA-512'), 'x']) {
      assert.equal(parseCredentials(wrong), undefined)
    }
  })
})
