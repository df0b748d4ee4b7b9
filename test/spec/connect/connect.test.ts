/** From the first byte to CONNACK: the first packet, accepted clients, and refusals. */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { AnaxError } from '../../../lib/errors.js'
import type { ConnectRefusal } from '../../../types/broker/hooks.js'
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { connectBytes, expectRefusal, recordBytes, refuse, textField } from '../../support/bytes.js'
import { connectPacket, publishPacket } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

const BEFORE_CONNECT: readonly Packet[] = [
  publishPacket({ topic: 'a' }),
  publishPacket({ topic: 'a', qos: 1, messageId: 1 }),
  { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
  { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] },
  { cmd: 'pubrel', messageId: 1 },
  { cmd: 'pingreq' },
  { cmd: 'disconnect' },
]
for (const packet of BEFORE_CONNECT) {
  spec(
    `[3.1.1 MQTT-3.1.0-1] [5.0 MQTT-3.1.0-1] [5.0 MQTT-3.14.0-1] ${packet.cmd} before CONNECT closes the connection without an answer`,
    ALL,
    async ({ dial }) => {
      const client = dial()
      client.send(packet)
      assert.deepEqual(await client.closed(), [])
    },
  )
}

spec(
  '[3.1.1 MQTT-3.1.0-1] [5.0 MQTT-3.1.0-1] the connection is closed before the end of a first packet that is not CONNECT',
  ALL,
  async ({ broker, dial }) => {
    const errors: unknown[] = []
    broker.on('connectionError', (_, error) => errors.push((error as AnaxError).code))
    const stranger = dial()
    // PUBLISH of 200 MB, of which only the first byte has arrived
    stranger.sendBytes('30')
    assert.deepEqual(await stranger.closed(), [])
    assert.deepEqual(errors, ['ANAX_ERR_PROTOCOL'])
  },
)

spec('[5.0 MQTT-3.1.0-1] AUTH before CONNECT closes the connection without an answer', [5], async ({ dial }) => {
  const client = dial()
  client.send({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm' } })
  assert.deepEqual(await client.closed(), [])
})

spec('a connection without CONNECT is closed after the connect timeout', ALL, async ({ dial, clock }) => {
  const silent = dial()
  const slow = dial()
  slow.sendBytes('10')
  await clock.advance(29_000)
  assert.equal(silent.isClosed, false)
  await clock.advance(2000)
  assert.deepEqual(await silent.closed(), [])
  assert.deepEqual(await slow.closed(), [])
})

spec(
  '[3.1.1 MQTT-3.1.0-2] [5.0 MQTT-3.1.0-2] a second CONNECT is a protocol error',
  ALL,
  async ({ version, connect, broker }) => {
    const client = await connect('twice')
    client.send(connectPacket(version, { clientId: 'twice' }))
    await client.expectDisconnect(0x82)
    assert.equal(broker.connectedClients, 0)
  },
)

spec('[5.0 MQTT-3.2.0-2] a second CONNECT gets no second CONNACK', [5], async ({ version, connect }) => {
  const client = await connect('twice')
  client.send(connectPacket(version, { clientId: 'other' }))
  const packets = await client.closed()
  assert.deepEqual(
    packets.map(({ cmd }) => cmd),
    ['disconnect'],
  )
})

spec(
  '[3.1.1 MQTT-3.1.4-4] [5.0 MQTT-3.1.4-5] a valid CONNECT is answered with CONNACK and code 0',
  ALL,
  async ({ version, dial, broker }) => {
    const client = dial()
    const bytes = recordBytes(client)
    client.sendBytes(connectBytes(version))
    await client.expect('connack')
    const expected = version === 5 ? /^20[0-9a-f]{2}0000/ : /^20020000$/
    assert.match(bytes.take(), expected)
    assert.deepEqual(Object.keys(broker.clients), ['raw'])
  },
)

spec(
  '[5.0 MQTT-3.2.2-1] the acknowledge flags of CONNACK are 0 except for session present',
  [5],
  async ({ version, dial, connect }) => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 100 } }
    await (await connect('flags', kept)).disconnect()
    for (const [clean, flags] of [
      [false, '01'],
      [true, '00'],
    ] as const) {
      const client = dial()
      const bytes = recordBytes(client)
      client.send(connectPacket(version, { clientId: 'flags', ...kept, clean }))
      await client.expect('connack')
      assert.equal(bytes.take().slice(4, 6), flags)
      await client.disconnect()
    }
  },
)

spec(
  '[3.1.1 MQTT-3.2.0-1] [5.0 MQTT-3.2.0-1] nothing is sent before CONNACK, even if messages are queued and packets are pipelined',
  ALL,
  async ({ version, broker, connect, dial }) => {
    const kept = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 100 } } : { clean: false }
    const earlier = await connect('waiting', kept)
    await earlier.subscribe({ topic: 'a', qos: 1 })
    await earlier.disconnect()
    await broker.publish({ topic: 'a', qos: 1, payload: 'stored' })
    let admit: (verdict: boolean) => void = () => {}
    broker.authenticate = () => new Promise<boolean>(resolve => (admit = resolve))
    const client = dial()
    const bytes = recordBytes(client)
    client.send(
      connectPacket(version, { clientId: 'waiting', ...kept }),
      { cmd: 'pingreq' },
      { cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'b', qos: 0 }] },
    )
    for (let i = 0; i < 20; i++) await turn()
    assert.equal(bytes.take(), '')
    admit(true)
    await client.expect('connack')
    const rest = [await client.next(), await client.next(), await client.next()].map(({ cmd }) => cmd)
    assert.deepEqual(rest.sort(), ['pingresp', 'publish', 'suback'])
  },
)

spec(
  '[3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6] packets after a refused CONNECT are ignored',
  ALL,
  async ({ version, broker, connect, dial }) => {
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: '#', qos: 0 })
    broker.authenticate = async client => client.id === 'watcher'
    const client = dial()
    client.send(
      connectPacket(version, { clientId: 'refused' }),
      publishPacket({ topic: 'a' }),
      publishPacket({ topic: 'a', qos: 1, messageId: 1 }),
      { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'a', qos: 0 }] },
    )
    await expectRefusal(client, 0x87, 5)
    await watcher.expectNothing()
  },
)

const REFUSALS: readonly [title: string, refusal: false | ConnectRefusal, reasonCode: number, returnCode?: number][] = [
  ['no reason', false, 0x87, 5],
  ['bad user name or password', { reasonCode: 0x86 }, 0x86, 4],
  ['not authorized', { reasonCode: 0x87 }, 0x87, 5],
  ['a client identifier that is not valid', { reasonCode: 0x85 }, 0x85, 2],
  ['the server unavailable', { reasonCode: 0x88 }, 0x88, 3],
  ['the server busy', { reasonCode: 0x89 }, 0x89, 3],
  ['banned', { reasonCode: 0x8a }, 0x8a, 5],
  ['use another server', { reasonCode: 0x9c, serverReference: 'other:1883' }, 0x9c, 3],
  ['a 3.1.1 return code', { returnCode: 4 }, 0x86, 4],
]
for (const [title, refusal, reasonCode, returnCode] of REFUSALS) {
  spec(
    `[3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5] [5.0 MQTT-3.1.4-2] [5.0 MQTT-3.2.2-6] [5.0 MQTT-3.2.2-7] \
[5.0 MQTT-4.13.2-1] a refusal because of ${title} has the code for it, session present 0, and closes the connection`,
    ALL,
    async ({ version, broker, connect, dial }) => {
      const kept = version === 5 ? { clean: false, properties: { sessionExpiryInterval: 100 } } : { clean: false }
      await (await connect('known', kept)).disconnect()
      broker.authenticate = () => refusal
      await refuse(dial(), connectPacket(version, { clientId: 'known', ...kept }), reasonCode, returnCode)
      assert.equal(broker.connectedClients, 0)
    },
  )
}

spec(
  '[3.1.1 MQTT-3.2.2-6] a refusal for which there is no return code closes the connection without CONNACK',
  [3, 4],
  async ({ version, dial, broker }) => {
    broker.preConnect = () => ({ reasonCode: 0x99 })
    await refuse(dial(), connectPacket(version), 0x99)
  },
)

spec(
  '[5.0 MQTT-3.2.2-8] CONNACK has only the reason codes that the standard lists for it',
  [5],
  async ({ dial, broker }) => {
    const listed = [0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c]
    for (const reasonCode of [...listed, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f]) {
      broker.authenticate = () => ({ reasonCode })
      await refuse(dial(), connectPacket(5), reasonCode)
    }
    for (const reasonCode of [0x8b, 0x8d, 0x8e, 0x8f, 0x91, 0x93, 0x98, 0x9e, 0xff]) {
      broker.authenticate = () => ({ reasonCode })
      await refuse(dial(), connectPacket(5), 0x87)
    }
  },
)

spec('[5.0 MQTT-3.14.0-1] a connection that is refused gets no DISCONNECT', [5], async ({ dial, broker }) => {
  const client = dial()
  client.send(connectPacket(5, { clientId: 'x', properties: { authenticationMethod: 'none' } }))
  await expectRefusal(client, 0x8c)
  // nor when the host disconnects it during CONNECT
  broker.authenticate = async waiting => {
    await waiting.disconnect()
    return true
  }
  const dismissed = dial()
  dismissed.send(connectPacket(5))
  const packets = await dismissed.closed()
  assert.deepEqual(
    packets.filter(({ cmd }) => cmd !== 'connack'),
    [],
  )
})

spec(
  'further clients above maxConnections are refused',
  ALL,
  async ({ version, connect, dial }) => {
    await connect('first')
    await refuse(dial(), connectPacket(version, { clientId: 'second' }), 0x89, 3)
  },
  { maxConnections: 1 },
)

spec(
  '[5.0 MQTT-3.1.2-30] a client that uses an authentication method may send only AUTH and DISCONNECT before CONNACK',
  [5],
  async ({ broker, dial }) => {
    broker.authenticateExtended = () => ({ result: 'continue' })
    const properties = { authenticationMethod: 'm' }
    for (const packet of BEFORE_CONNECT.filter(({ cmd }) => cmd !== 'disconnect')) {
      const client = dial()
      client.send(connectPacket(5, { properties }))
      await client.expect('auth')
      client.send(packet)
      const last = (await client.closed()).at(-1)
      assert.ok(last === undefined || (last.cmd === 'connack' && last.reasonCode === 0x82))
    }
    const client = dial()
    client.send(connectPacket(5, { properties }))
    await client.expect('auth')
    client.send({ cmd: 'disconnect' })
    assert.deepEqual(await client.closed(), [])
    assert.equal(broker.connectedClients, 0)
  },
)

spec(
  'a CONNECT above the maximum packet size is answered with 0x95, and before 5.0 not at all',
  [3, 4, 5],
  async ({ version, dial }) => {
    const client = dial()
    client.sendBytes(connectBytes(version, { payload: [textField('x'.repeat(200))] }))
    const answer = { cmd: 'connack', reasonCode: 0x95, sessionPresent: false }
    assert.deepEqual(await client.closed(), version === 5 ? [answer] : [])
  },
  { maxPacketSize: 100 },
)

spec(
  '[3.1.1 MQTT-3.1.2-8] a connection that ends before CONNACK was never accepted: no will is published, no disconnect event is emitted',
  [3, 4, 5],
  async ({ version, broker, clock, connect, dial }) => {
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: 'will', qos: 0 })
    const kept = keptSession(version)
    const earlier = await connect('client', kept)
    await earlier.subscribe({ topic: 'a', qos: 1 })
    await earlier.disconnect()
    const gone: string[] = []
    broker.on('clientDisconnect', ({ id }) => gone.push(id))
    let admit: (verdict: boolean) => void = () => {}
    broker.authorizeSubscribe = () => new Promise<boolean>(resolve => (admit = resolve))
    let stream: Duplex | undefined
    broker.preConnect = ({ conn }) => {
      stream = conn
      return true
    }
    const client = dial()
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0 as const, retain: false }
    client.send(connectPacket(version, { clientId: 'client', ...kept, will }))
    await clock.advance(10)
    stream?.destroy()
    await client.closed()
    await clock.advance(10)
    admit(true)
    await clock.advance(10)
    await watcher.expectNothing()
    assert.deepEqual(gone, [])
    broker.authorizeSubscribe = undefined
    const back = await connect('client', kept)
    await broker.publish({ topic: 'a', qos: 1 })
    await back.expect('publish')
  },
)
