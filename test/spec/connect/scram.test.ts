/** SCRAM-SHA-256 over enhanced authentication, end to end: the example's hook and an independent client. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deriveCredentials, scram } from '../../../examples/auth/scram.js'
import type { ExtendedAuthentication, ExtendedVerdict } from '../../../types/broker/hooks.js'
import type { Client } from '../../../types/index.js'
import type { AuthPacket } from '../../../types/message/packets.js'
import { ScramClient } from '../../support/clients/scram-client.js'
import { connectPacket, type SpecClient } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const METHOD = 'SCRAM-SHA-256'
const HOOK = scram({
  lookup: username => ({ alice: ALICE, bob: BOB, 'a,b=c': ALICE })[username],
})
const ALICE = deriveCredentials('wonderland')
const BOB = deriveCredentials('builder')

function authPacket(reasonCode: number, authenticationData: Buffer): AuthPacket {
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod: METHOD, authenticationData } }
}

/** Runs the exchange up to the client's final message. */
async function introduce({ dial }: Spec, clientId: string, peer: ScramClient): Promise<SpecClient> {
  const client = dial()
  const properties = { authenticationMethod: METHOD, authenticationData: peer.first }
  client.send(connectPacket(5, { clientId, properties }))
  const challenge = await client.expect('auth')
  assert.equal(challenge.reasonCode, 0x18)
  assert.equal(challenge.properties?.authenticationMethod, METHOD)
  client.send(authPacket(0x18, peer.final(challenge.properties?.authenticationData)))
  return client
}

async function reauthenticate(client: SpecClient, peer: ScramClient): Promise<void> {
  client.send(authPacket(0x19, peer.first))
  const challenge = await client.expect('auth')
  client.send(authPacket(0x18, peer.final(challenge.properties?.authenticationData)))
}

for (const username of ['alice', 'a,b=c']) {
  spec(
    `[5.0 MQTT-4.12.0-2] [5.0 MQTT-4.12.0-5] ${username} and the broker both prove that they know the password`,
    [5],
    async frame => {
      const peer = new ScramClient('sha256', username, 'wonderland')
      const client = await introduce(frame, 'client', peer)
      const { reasonCode, properties } = await client.expect('connack')
      assert.equal(reasonCode, 0)
      assert.equal(properties?.authenticationMethod, METHOD)
      peer.verify(properties?.authenticationData)
      await client.expectNothing()
    },
    { authenticateExtended: HOOK },
  )
}

for (const [username, password] of [
  ['alice', 'builder'],
  ['nobody', 'wonderland'],
] as const) {
  spec(
    `[5.0 MQTT-4.12.0-4] ${username} with the password ${password} is refused only in the last step`,
    [5],
    async frame => {
      const client = await introduce(frame, 'client', new ScramClient('sha256', username, password))
      const { reasonCode, properties } = await client.expect('connack')
      assert.equal(reasonCode, 0x87)
      assert.equal(properties?.authenticationData, undefined)
      assert.deepEqual(await client.closed(), [])
    },
    { authenticateExtended: HOOK },
  )
}

spec(
  '[5.0 MQTT-4.12.1-2] a re-authentication as the same user succeeds, and as another user or with a wrong password ends the connection',
  [5],
  async frame => {
    for (const [username, password, goesOn] of [
      ['alice', 'wonderland', true],
      ['bob', 'builder', false],
      ['alice', 'builder', false],
    ] as const) {
      const client = await introduce(frame, 'client', new ScramClient('sha256', 'alice', 'wonderland'))
      await client.expect('connack')
      const peer = new ScramClient('sha256', username, password)
      await reauthenticate(client, peer)
      if (goesOn) {
        const { reasonCode, properties } = await client.expect('auth')
        assert.equal(reasonCode, 0)
        peer.verify(properties?.authenticationData)
        await client.expectNothing()
      } else {
        await client.expectDisconnect(0x87)
      }
    }
  },
  { authenticateExtended: HOOK },
)

for (const [what, first] of [
  ['nothing', undefined],
  ['garbage', Buffer.from('hello')],
  ['channel binding', Buffer.from('p=tls-unique,,n=alice,r=abc')],
] as const) {
  spec(
    `${what} as the first message is refused`,
    [5],
    async ({ dial }) => {
      const data = first === undefined ? {} : { authenticationData: first }
      const client = dial()
      const connack = await client.connect({ properties: { authenticationMethod: METHOD, ...data } })
      assert.equal(connack.reasonCode, 0x87)
    },
    { authenticateExtended: HOOK },
  )
}

spec(
  '[5.0 MQTT-4.12.0-1] a method other than SCRAM is refused with 0x8C',
  [5],
  async ({ dial }) => {
    const client = dial()
    const connack = await client.connect({ properties: { authenticationMethod: 'GS2-KRB5' } })
    assert.equal(connack.reasonCode, 0x8c)
    assert.deepEqual(await client.closed(), [])
  },
  { authenticateExtended: HOOK },
)

for (const vector of [
  {
    name: 'RFC 7677',
    method: 'SCRAM-SHA-256',
    hash: 'sha256',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    clientNonce: 'rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
  {
    name: 'RFC 5802',
    method: 'SCRAM-SHA-1',
    hash: 'sha1',
    salt: 'QSXCR+Q6sek8bf92',
    clientNonce: 'fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    signature: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
] as const) {
  test(`the exchange of ${vector.name}, message by message`, async () => {
    const { method, hash, salt, clientNonce, serverNonce, proof, signature } = vector
    const credentials = deriveCredentials('pencil', method, Buffer.from(salt, 'base64'), 4096)
    const hook = scram({ method, lookup: () => credentials, nonce: () => serverNonce })
    const client = {} as Client
    const say = async (step: ExtendedAuthentication['step'], text: string) => {
      const data = Buffer.from(text)
      const verdict = (await hook(
        client,
        { method, data, step, packet: authPacket(0x18, data) },
        () => {},
      )) as ExtendedVerdict
      return [verdict.result, String('data' in verdict && verdict.data)]
    }
    const nonce = clientNonce + serverNonce
    const final = `c=biws,r=${nonce},p=${proof}`
    const serverFirst = `r=${nonce},s=${salt},i=4096`
    assert.deepEqual(await say('connect', `n,,n=user,r=${clientNonce}`), ['continue', serverFirst])
    assert.deepEqual(await say('continue', final), ['success', `v=${signature}`])
    // a proof is valid in its own exchange only
    assert.deepEqual(await say('continue', final), ['refuse', 'false'])

    const peer = new ScramClient(hash, 'user', 'pencil', clientNonce)
    assert.equal(peer.first.toString(), `n,,n=user,r=${clientNonce}`)
    assert.equal(peer.final(Buffer.from(serverFirst)).toString(), final)
    peer.verify(Buffer.from(`v=${signature}`))
  })
}
