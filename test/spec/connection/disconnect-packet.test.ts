/** DISCONNECT: who may send which codes and properties, what is omitted, and that nothing follows it. */
import assert from 'node:assert/strict'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { byte, packetBytes, recordBytes } from '../../support/bytes.js'
import { publishPacket, type SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

spec(
  '[3.1.1 MQTT-3.14.1-1] [5.0 MQTT-3.14.1-1] reserved flags in DISCONNECT are malformed',
  ALL,
  async ({ connect }) => {
    for (let flags = 1; flags < 16; flags++) {
      const client = await connect('client')
      client.sendBytes(packetBytes(0xe0 | flags))
      await client.expectDisconnect(0x81)
    }
  },
)

spec(
  '[3.1.1 MQTT-3.14.4-1] [5.0 MQTT-3.14.4-2] after the DISCONNECT of a client the broker closes the connection without an answer',
  ALL,
  async ({ broker, connect }) => {
    const client = await connect('client')
    client.send({ cmd: 'disconnect' })
    assert.deepEqual(await client.closed(), [])
    assert.equal(broker.connectedClients, 0)
  },
)

spec(
  '[3.1.1 MQTT-3.14.4-2] [5.0 MQTT-3.14.4-1] packets after the DISCONNECT of a client are ignored',
  ALL,
  async ({ connect, broker }) => {
    const published: string[] = []
    broker.on('publish', ({ topic }) => published.push(topic))
    const client = await connect('client')
    client.send(
      publishPacket({ topic: 'before', qos: 1, messageId: 1 }),
      { cmd: 'disconnect' },
      publishPacket({ topic: 'behind', qos: 1, messageId: 2 }),
      { cmd: 'pingreq' },
    )
    const packets = await client.closed()
    assert.deepEqual(
      packets.map(({ cmd }) => cmd),
      ['puback'],
    )
    assert.deepEqual(published, ['before'])
  },
)

spec(
  '[3.1.1 MQTT-3.14.4-2] [5.0 MQTT-3.14.4-1] packets after a DISCONNECT are ignored even while the packets before it are still being handled',
  ALL,
  async ({ clock, connect, broker }) => {
    const published: string[] = []
    broker.on('publish', ({ topic }) => published.push(topic))
    let allow: (verdict: boolean) => void = () => {}
    broker.authorizePublish = () => new Promise<boolean>(resolve => (allow = resolve))
    const client = await connect('client')
    client.send(publishPacket({ topic: 'before', qos: 1, messageId: 1 }), { cmd: 'disconnect' })
    await clock.advance(10)
    assert.equal(client.isClosed, false)
    client.send(publishPacket({ topic: 'behind', qos: 1, messageId: 2 }), { cmd: 'pingreq' })
    await clock.advance(10)
    broker.authorizePublish = undefined
    allow(true)
    const packets = await client.closed()
    assert.deepEqual(
      packets.map(({ cmd }) => cmd),
      ['puback'],
    )
    assert.deepEqual(published, ['before'])
  },
)

const FROM_CLIENT = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]

spec(
  '[5.0 MQTT-3.14.2-1] a client may use the reason codes that the standard lists for it',
  [5],
  async ({ connect }) => {
    for (const reasonCode of FROM_CLIENT) {
      const client = await connect('client')
      client.sendBytes(packetBytes(0xe0, byte(reasonCode)))
      assert.deepEqual(await client.closed(), [], byte(reasonCode))
    }
  },
)

spec('[5.0 MQTT-3.14.2-1] any other reason code from a client is a protocol error', [5], async ({ connect }) => {
  for (let reasonCode = 0; reasonCode < 256; reasonCode++) {
    if (FROM_CLIENT.includes(reasonCode)) continue
    const client = await connect('client')
    client.sendBytes(packetBytes(0xe0, byte(reasonCode)))
    await client.expectDisconnect(0x82)
  }
})

spec(
  '[5.0 MQTT-3.14.2-1] the broker sends only the reason codes that the standard lists for it',
  [5],
  async ({ broker, connect }) => {
    const listed = [0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97]
    for (const reasonCode of [0x00, ...listed, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2]) {
      const client = await connect('client')
      broker.clients.client?.disconnect({ reasonCode })
      await client.expectDisconnect(reasonCode)
    }
    for (const reasonCode of [0x04, 0x10, 0x84, 0x91, 0x92]) {
      const client = await connect('client')
      broker.clients.client?.disconnect({ reasonCode })
      await client.expectDisconnect(0x80)
    }
  },
)

spec('[5.0 MQTT-3.14.2-1] a Server Reference from a client is a protocol error', [5], async ({ connect }) => {
  const client = await connect('client')
  client.sendBytes('e0 06 00 04 1c 00 01 61')
  await client.expectDisconnect(0x82)
})

spec('[5.0 MQTT-3.14.2-2] DISCONNECT from the broker has no Session Expiry Interval', [5], async tools => {
  const { broker, clock, connect } = tools
  const properties = { sessionExpiryInterval: 100 }
  const ends: [reasonCode: number, end: (sendBytes: (hex: string) => void) => unknown][] = [
    [0x98, () => broker.clients.client?.disconnect()],
    [0x81, sendBytes => sendBytes('82 00')],
    [0x8d, () => clock.advance(20_000)],
    [0x8e, () => connect('client')],
  ]
  for (const [reasonCode, end] of ends) {
    const client = await connect('client', { keepalive: 10, properties })
    await end(hex => client.sendBytes(hex))
    const last = (await client.closed()).at(-1)
    assert.ok(last?.cmd === 'disconnect' && last.reasonCode === reasonCode, JSON.stringify(last))
    assert.equal(last.properties?.sessionExpiryInterval, undefined)
  }
})

/** The host's explanation in DISCONNECT, for a client that accepts 100 bytes and for one that accepts 1000. */
function leavesOut(title: string, explanation: { reasonString?: string; userProperties?: Record<string, string> }) {
  spec(title, [5], async ({ broker, connect }) => {
    for (const [maximumPacketSize, expected] of [
      [100, {}],
      [1000, explanation],
    ] as const) {
      const client = await connect('client', { properties: { maximumPacketSize } })
      const bytes = recordBytes(client)
      broker.clients.client?.disconnect({ reasonCode: 0x9c, serverReference: 'there', ...explanation })
      const last = (await client.closed()).at(-1)
      assert.ok(last?.cmd === 'disconnect' && last.reasonCode === 0x9c)
      assert.deepEqual(JSON.parse(JSON.stringify(last.properties)), { serverReference: 'there', ...expected })
      assert.ok(bytes.take().length / 2 <= maximumPacketSize)
    }
  })
}
leavesOut('[5.0 MQTT-3.14.2-3] a Reason String that is too large is left out of DISCONNECT', {
  reasonString: 'x'.repeat(100),
})
leavesOut('[5.0 MQTT-3.14.2-4] User Properties that are too large are left out of DISCONNECT', {
  userProperties: { why: 'x'.repeat(100) },
})

spec(
  '[5.0 MQTT-3.14.4-1] [5.0 MQTT-3.14.4-2] the broker sends nothing after its DISCONNECT, and closes the connection',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client')
    await client.subscribe({ topic: 'a', qos: 1 })
    for (let i = 0; i < 5; i++) broker.publish({ topic: 'a', qos: 1 })
    client.send({ cmd: 'pingreq' })
    const gone = broker.clients.client?.disconnect()
    for (let i = 0; i < 5; i++) broker.publish({ topic: 'a', qos: 0 })
    const packets = await client.closed()
    await gone
    assert.equal(
      packets.findIndex(({ cmd }) => cmd === 'disconnect'),
      packets.length - 1,
    )
  },
)

spec('a client whose stream is full still gets the DISCONNECT with its reason', [5], async ({ broker, connect }) => {
  const client = await connect('slow')
  await client.subscribe({ topic: 'a', qos: 0 })
  client.stream.pause()
  await broker.publish({ topic: 'a', payload: 'x'.repeat(100_000) })
  await new Promise<void>(resolve => setImmediate(resolve))
  await broker.clients.slow!.disconnect({ reasonCode: 0x97 })
  client.stream.resume()
  await client.expectDisconnect(0x97)
})

spec('the broker closes a connection that its peer never closes', ALL, async ({ broker, clock, connect }) => {
  const client = await connect('client')
  const { conn } = broker.clients.client!
  client.stream.pause()
  client.sendBytes('e0 00')
  await clock.advance(10)
  await clock.advance(2000)
  assert.equal(conn.destroyed, true)
  assert.equal(broker.connectedClients, 0)
})

/** Other events that end a connection whose DISCONNECT waits for earlier packets. */
const OVERTAKERS: [what: string, overtake: (spec: Spec, client: SpecClient) => Promise<unknown>][] = [
  ['the line drops', async ({ broker }) => broker.clients.leaving!.conn.destroy(new Error('reset'))],
  ['the client reconnects', async ({ connect }) => connect('leaving')],
  ['the broker ends it', async ({ broker }) => broker.clients.leaving!.disconnect()],
]

for (const [what, overtake] of OVERTAKERS) {
  spec(
    `[3.1.1 MQTT-3.14.4-3] [5.0 MQTT-3.14.4-3] a received DISCONNECT removes the will, even if ${what} before the DISCONNECT is handled`,
    ALL,
    async tools => {
      const { broker, clock, connect, version } = tools
      const published: string[] = []
      broker.on('publish', ({ topic }) => published.push(topic))
      let allow: (verdict: boolean) => void = () => {}
      broker.authorizePublish = (_, { topic }) => topic === 'will' || new Promise<boolean>(resolve => (allow = resolve))
      const will = { topic: 'will', payload: Buffer.from('w'), qos: 0, retain: false } as const
      const client = await connect('leaving', { will, ...keptSession(version) })
      client.send(publishPacket({ topic: 'before' }), { cmd: 'disconnect' })
      await clock.advance(10)
      const overtaken = overtake(tools, client)
      await clock.advance(10)
      allow(true)
      await Promise.all([overtaken, client.closed()])
      await clock.advance(10)
      assert.deepEqual(published, ['before'])
    },
  )
}

spec(
  'the Session Expiry Interval of a DISCONNECT applies even if the connection drops before the DISCONNECT is handled',
  [5],
  async ({ broker, clock, connect, resume }) => {
    let allow: (verdict: boolean) => void = () => {}
    broker.authorizePublish = () => new Promise<boolean>(resolve => (allow = resolve))
    const client = await connect('leaving', keptSession(5))
    client.send(publishPacket({ topic: 'before' }), { cmd: 'disconnect', properties: { sessionExpiryInterval: 0 } })
    await clock.advance(10)
    broker.clients.leaving!.conn.destroy(new Error('reset'))
    allow(true)
    await client.closed()
    const { connack } = await resume('leaving', keptSession(5))
    assert.equal(connack.sessionPresent, false)
  },
)
