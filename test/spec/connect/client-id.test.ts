/** Client identifiers: which are accepted, which are assigned, and the errors for others. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { recordBytes, refuse } from '../../support/bytes.js'
import { connectPacket } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

spec(
  '[3.1.1 MQTT-3.1.3-5] [5.0 MQTT-3.1.3-5] identifiers of 1 to 23 letters and digits are accepted',
  ALL,
  async ({ connect, broker }) => {
    const ids = [...LETTERS].map(letter => letter)
    for (let length = 2; length <= 23; length++) ids.push(LETTERS.slice(length, 2 * length))
    for (const id of ids) await connect(id)
    assert.deepEqual(Object.keys(broker.clients).sort(), ids.sort())
  },
)

spec('other characters and longer identifiers are accepted too', [4, 5], async ({ connect, broker }) => {
  const ids = ['a/b', '$SYS', 'ü €', '__proto__', 'constructor', 'x'.repeat(1000)]
  for (const id of ids) await connect(id)
  assert.deepEqual(Object.keys(broker.clients).sort(), ids.sort())
})

spec('an identifier in 3.1 has 1 to 23 bytes', [3], async ({ dial, connect }) => {
  await connect('x'.repeat(23))
  await refuse(dial(), connectPacket(3, { clientId: 'x'.repeat(24) }), 0x85, 2)
  await refuse(dial(), connectPacket(3, { clientId: 'ä'.repeat(12) }), 0x85, 2)
  await refuse(dial(), connectPacket(3, { clientId: '' }), 0x85, 2)
})

spec(
  '[3.1.1 MQTT-3.1.3-9] [5.0 MQTT-3.1.3-8] an identifier that the broker does not accept is refused',
  ALL,
  async ({ version, dial, broker }) => {
    await refuse(dial(), connectPacket(version, { clientId: 'much too long' }), 0x85, 2)
    broker.preConnect = (_, { clientId }) => (clientId === 'bad' ? { reasonCode: 0x85 } : true)
    await refuse(dial(), connectPacket(version, { clientId: 'bad' }), 0x85, 2)
    assert.equal(broker.connectedClients, 0)
  },
  { maxClientsIdLength: 10 },
)

spec(
  'maxClientsIdLength may allow longer identifiers in MQTT 3.1, for devices that use them',
  [3],
  async ({ dial }) => {
    assert.equal((await dial().connect({ clientId: 'x'.repeat(40) })).returnCode, 0)
    await refuse(dial(), connectPacket(3, { clientId: 'x'.repeat(41) }), 0x85, 2)
  },
  { maxClientsIdLength: 40 },
)

spec(
  '[3.1.1 MQTT-3.1.3-6] [5.0 MQTT-3.1.3-6] a client with an empty identifier gets a unique one',
  [4, 5],
  async ({ dial, broker }) => {
    const connected: string[] = []
    broker.on('client', client => connected.push(client.id))
    for (let i = 0; i < 3; i++) await dial().connect({ clientId: '' })
    assert.equal(new Set(connected).size, 3)
    assert.ok(connected.every(id => id !== ''))
    assert.deepEqual(Object.keys(broker.clients).sort(), connected.sort())
  },
)

spec(
  '[5.0 MQTT-3.1.3-7] [5.0 MQTT-3.2.2-16] CONNACK contains the assigned identifier, and the client can resume its session with it',
  [5],
  async ({ dial, resume, broker }) => {
    const first = dial()
    const { properties, sessionPresent } = await first.connect({ clientId: '', ...keptSession(5) })
    const id = properties?.assignedClientIdentifier ?? ''
    assert.equal(sessionPresent, false)
    assert.deepEqual(Object.keys(broker.clients), [id])
    await first.subscribe({ topic: 'a', qos: 1 })
    await first.drop()
    await broker.publish({ topic: 'a', qos: 1, payload: 'kept' })
    const { client, connack } = await resume(id, keptSession(5))
    assert.equal(connack.sessionPresent, true)
    assert.equal(connack.properties?.assignedClientIdentifier, undefined)
    assert.equal((await client.expect('publish')).payload.toString(), 'kept')
  },
)

spec(
  '[5.0 MQTT-3.2.2-16] an assigned identifier belongs to no other session, connected or disconnected',
  [5],
  async ({ dial }) => {
    const ids = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      const client = dial()
      const connack = await client.connect({ clientId: '', ...keptSession(5) })
      assert.equal(connack.sessionPresent, false)
      ids.add(connack.properties?.assignedClientIdentifier)
      await client.drop()
    }
    assert.equal(ids.size, 20)
    assert.ok(!ids.has(undefined))
  },
)

spec('CONNACK does not repeat an identifier that the client chose', [5], async ({ resume }) => {
  const { connack } = await resume('mine')
  assert.equal(connack.properties?.assignedClientIdentifier, undefined)
})

spec(
  '[3.1.1 MQTT-3.1.3-8] [3.1.1 MQTT-3.1.3-7] an empty identifier with CleanSession 0 is refused with return code 2',
  [4],
  async ({ version, dial }) => {
    const client = dial()
    const bytes = recordBytes(client)
    await refuse(client, connectPacket(version, { clientId: '', clean: false }), 0x85, 2)
    assert.equal(bytes.take(), '20020002')
  },
)

spec('an empty identifier with Clean Start 0 is accepted in 5.0', [5], async ({ dial }) => {
  assert.equal((await dial().connect({ clientId: '', clean: false })).reasonCode, 0)
})

spec(
  '[3.1.1 MQTT-3.1.3-2] [5.0 MQTT-3.1.3-2] a session is found by its client identifier, compared byte for byte',
  ALL,
  async ({ version, resume, connect, broker }) => {
    const kept = keptSession(version)
    for (const id of ['key', 'Key', 'key ']) {
      const client = await connect(id, kept)
      await client.subscribe({ topic: `of/${id}`, qos: 1 })
      await client.disconnect()
    }
    await broker.publish({ topic: 'of/Key', qos: 1, payload: 'for Key' })
    for (const id of ['key', 'key ', 'Key']) {
      const { client, connack } = await resume(id, kept)
      assert.equal(connack.sessionPresent, version !== 3)
      if (id === 'Key') assert.equal((await client.expect('publish')).payload.toString(), 'for Key')
      else await client.expectNothing()
    }
    const { connack } = await resume('KEY', kept)
    assert.equal(connack.sessionPresent, false)
  },
)
