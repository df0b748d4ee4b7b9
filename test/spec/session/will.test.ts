/** Wills: when they are published and when not, once, with all properties from CONNECT. */
import assert from 'node:assert/strict'
import type { ProtocolVersion, PublishPacket, QoS, Will } from '../../../types/message/packets.js'
import { connectBytes, packetBytes, propertiesOf, recordBytes, textField } from '../../support/bytes.js'
import { connectPacket, type SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

function willOf(parts: Partial<Will> = {}): Will {
  return { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false, ...parts }
}

/** A client that sees all wills. */
async function watcherOf({ connect }: Pick<Spec, 'connect'>, qos: QoS = 0): Promise<SpecClient> {
  const watcher = await connect('watcher')
  await watcher.subscribe({ topic: 'will/#', qos })
  return watcher
}

async function expectWill(watcher: SpecClient): Promise<PublishPacket> {
  const packet = await watcher.expect('publish')
  assert.equal(packet.payload.toString(), 'gone')
  await watcher.expectNothing()
  return packet
}

/** Ways in which a connection ends without a DISCONNECT of the client. */
const ENDS: readonly [how: string, end: (client: SpecClient, spec: Spec) => Promise<unknown>][] = [
  ['the line drops', client => client.drop()],
  ['the keep alive runs out', (_, { clock }) => clock.advance(16_000)],
  ['the client breaks the protocol', async client => client.sendBytes('f8 00')],
  ['the client sends a packet that is malformed', async client => client.sendBytes('82 01 00')],
  ['the host disconnects it', (_, { broker }) => broker.clients.leaving!.disconnect()],
  ['the client sends a second CONNECT', async (client, { version }) => client.send(connectPacket(version))],
]
for (const [how, end] of ENDS) {
  spec(
    `[3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-10] [5.0 MQTT-3.1.2-7] [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-10] \
the will is published, once, when ${how}`,
    ALL,
    async tools => {
      const watcher = await watcherOf(tools)
      const client = await tools.connect('leaving', { will: willOf(), keepalive: 10 })
      await end(client, tools)
      await client.closed()
      await expectWill(watcher)
      await tools.clock.advance(3600_000)
      const again = await tools.connect('leaving')
      await again.drop()
      await watcher.expectNothing()
    },
  )
}

spec(
  '[3.1.1 MQTT-3.14.1-1] [5.0 MQTT-3.14.1-1] a DISCONNECT with reserved flags does not remove the will',
  ALL,
  async tools => {
    const watcher = await watcherOf(tools)
    const client = await tools.connect('leaving', { will: willOf() })
    client.sendBytes('e1 00')
    await client.expectDisconnect(0x81)
    await expectWill(watcher)
  },
)

spec('wills are published when the broker closes', ALL, async ({ broker, connect }) => {
  const seen: string[] = []
  broker.on('publish', ({ topic }) => seen.push(topic))
  await connect('leaving', { will: willOf() })
  await broker.close()
  assert.deepEqual(seen, ['will'])
})

spec(
  '[3.1.1 MQTT-3.14.4-3] [3.1.1 MQTT-3.1.2-10] [5.0 MQTT-3.14.4-3] [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-10] \
DISCONNECT removes the will',
  ALL,
  async tools => {
    const watcher = await watcherOf(tools)
    const client = await tools.connect('leaving', { will: willOf(), ...keptSession(tools.version, 10) })
    await client.disconnect()
    await watcher.expectNothing()
    await tools.clock.advance(3600_000)
    const again = await tools.connect('leaving')
    await again.drop()
    await watcher.expectNothing()
  },
)

for (const reasonCode of [0x04, 0x80, 0x82, 0x93, 0x99]) {
  spec(
    `[5.0 MQTT-3.14.4-3] [5.0 MQTT-3.1.2-8] the will is published after DISCONNECT 0x${reasonCode.toString(16)}`,
    [5],
    async tools => {
      const watcher = await watcherOf(tools)
      const client = await tools.connect('leaving', { will: willOf() })
      await client.disconnect({ reasonCode })
      await expectWill(watcher)
    },
  )
}

spec('[3.1.1 MQTT-3.1.2-12] without a will nothing is published', ALL, async tools => {
  const watcher = await tools.connect('watcher')
  await watcher.subscribe({ topic: '#', qos: 0 })
  const client = await tools.connect('leaving')
  await client.drop()
  await watcher.expectNothing()
})

spec('a new will replaces the previous one', ALL, async tools => {
  const watcher = await watcherOf(tools)
  const kept = keptSession(tools.version)
  await (await tools.connect('leaving', { ...kept, will: willOf({ topic: 'will/old' }) })).disconnect()
  await (await tools.connect('leaving', { ...kept, will: willOf({ topic: 'will/new' }) })).drop()
  assert.equal((await expectWill(watcher)).topic, 'will/new')
  await (await tools.connect('leaving', kept)).drop()
  await watcher.expectNothing()
})

for (const qos of [0, 1, 2] as const) {
  spec(
    `[3.1.1 MQTT-3.1.2-9] the will has QoS ${qos}, as in CONNECT, and is queued for disconnected sessions`,
    ALL,
    async tools => {
      const away = await tools.connect('away', keptSession(tools.version))
      await away.subscribe({ topic: 'will/#', qos: 2 })
      const watcher = await watcherOf(tools, 2)
      await away.disconnect()
      await (await tools.connect('leaving', { will: willOf({ qos }) })).drop()
      assert.equal((await watcher.expect('publish')).qos, qos)
      const back = await tools.connect('away', keptSession(tools.version))
      if (qos === 0) await back.expectNothing()
      else assert.equal((await back.expect('publish')).qos, qos)
    },
  )
}

spec('[3.1.1 MQTT-3.1.2-16] [5.0 MQTT-3.1.2-14] a will without retain is not retained', ALL, async tools => {
  await (await tools.connect('leaving', { will: willOf({ qos: 1 }) })).drop()
  await (await watcherOf(tools)).expectNothing()
})

spec('[3.1.1 MQTT-3.1.2-17] [5.0 MQTT-3.1.2-15] a will with retain is retained', ALL, async tools => {
  const early = await watcherOf(tools)
  await (await tools.connect('leaving', { will: willOf({ retain: true }) })).drop()
  assert.equal((await expectWill(early)).retain, false)
  const late = await tools.connect('late')
  await late.subscribe({ topic: 'will', qos: 0 })
  assert.equal((await expectWill(late)).retain, true)
})

spec(
  '[5.0 MQTT-3.1.3-10] the will is published with all its properties, and its User Properties in order',
  [5],
  async ({ dial, connect }) => {
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: 'will', qos: 0 })
    const bytes = recordBytes(watcher)
    const pair = (name: string, value: string) => `26 ${textField(name)} ${textField(value)}`
    const order = [pair('b', '1'), pair('a', '2'), pair('b', '0'), pair('a', '1'), pair('7', 'x')].join(' ')
    const others = [`03 ${textField('text/plain')}`, `08 ${textField('reply/to')}`, `09 ${textField('id')}`]
    const properties = `01 01 02 00 00 00 3c ${others.join(' ')} ${order}`
    const client = dial()
    const payload = [textField('raw'), propertiesOf(5, properties), textField('will'), textField('gone')]
    client.sendBytes(connectBytes(5, { flags: 0x06, payload }))
    await client.expect('connack')
    await client.drop()
    const { properties: got = {} } = await watcher.expect('publish')
    const { userProperties: _, ...rest } = got
    assert.deepEqual(rest, {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'text/plain',
      responseTopic: 'reply/to',
      correlationData: Buffer.from('id'),
    })
    assert.ok(bytes.take().includes(order.replaceAll(' ', '')), 'the User Properties as they were sent')
  },
)

spec("the will's message expiry starts when it is published", [5], async ({ broker, clock, connect }) => {
  const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } }
  const away = await connect('away', kept)
  await away.subscribe({ topic: 'will', qos: 1 })
  await away.disconnect()
  const properties = { messageExpiryInterval: 30, willDelayInterval: 100 }
  await (await connect('leaving', { ...kept, will: willOf({ qos: 1, properties }) })).drop()
  await clock.advance(110_000)
  const back = await connect('away', kept)
  const { properties: got } = await back.expect('publish')
  assert.equal(got?.messageExpiryInterval, 20)
  assert.equal(broker.connectedClients, 1)
})

spec('a will to a topic that is not authorised is not published, and an event reports it', ALL, async tools => {
  const { broker, connect } = tools
  const watcher = await watcherOf(tools)
  const refused: unknown[] = []
  broker.on('publishRefused', (error, packet, client) => refused.push([error.reasonCode, packet.topic, client?.id]))
  broker.authorizePublish = (client, { topic }) => client?.id === 'leaving' && topic !== 'will/secret'
  await (await connect('leaving', { will: willOf({ topic: 'will/secret', retain: true }) })).drop()
  await watcher.expectNothing()
  assert.deepEqual(refused, [[0x87, 'will/secret', 'leaving']])
  await (await connect('leaving', { will: willOf({ topic: 'will/open' }) })).drop()
  assert.equal((await expectWill(watcher)).topic, 'will/open')
})

spec('a will below $SYS/ is refused unless a hook allows it', ALL, async ({ broker, connect }) => {
  const watcher = await connect('watcher')
  await watcher.subscribe({ topic: '$SYS/#', qos: 0 })
  await (await connect('leaving', { will: willOf({ topic: '$SYS/fake' }) })).drop()
  await watcher.expectNothing()
  broker.authorizePublish = () => true
  await (await connect('leaving', { will: willOf({ topic: '$SYS/fake' }) })).drop()
  await expectWill(watcher)
})

spec('a refused CONNECT leaves no will', ALL, async tools => {
  const watcher = await watcherOf(tools)
  tools.broker.authenticate = () => false
  const client = tools.dial()
  client.send(connectPacket(tools.version, { clientId: 'refused', will: willOf() }))
  await client.closed()
  await tools.clock.advance(1000)
  await watcher.expectNothing()
})

spec('a will of 65535 bytes is kept whole', ALL, keepsLargeWill, { maxConnectSize: 2 ** 20 })

async function keepsLargeWill(tools: Spec): Promise<void> {
  const watcher = await watcherOf(tools)
  const payload = Buffer.alloc(65_535, 'x')
  await (await tools.connect('leaving', { will: willOf({ payload }) })).drop()
  assert.deepEqual((await watcher.expect('publish')).payload, payload)
}

spec('the payload of a will may be empty', ALL, async tools => {
  const watcher = await watcherOf(tools)
  const client = tools.dial()
  const fields = [textField('raw'), propertiesOf(tools.version), textField('will'), textField('')]
  client.sendBytes(connectBytes(tools.version, { flags: 0x06, payload: fields }))
  await client.expect('connack')
  client.sendBytes(packetBytes(0xf0))
  await client.closed()
  assert.equal((await watcher.expect('publish')).payload.length, 0)
})
