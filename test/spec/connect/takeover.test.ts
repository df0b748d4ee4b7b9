/** Takeover: a client that connects again with the same identifier replaces its earlier connection. */
import assert from 'node:assert/strict'
import type { ProtocolVersion, Will } from '../../../types/message/packets.js'
import { connectPacket } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

spec(
  '[3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3] [5.0 MQTT-4.13.2-1] the earlier connection gets DISCONNECT 0x8E and is closed',
  ALL,
  async ({ connect, broker }) => {
    const old = await connect('same')
    const young = await connect('same')
    await old.expectDisconnect(0x8e)
    await young.expectNothing()
    assert.equal(broker.connectedClients, 1)
  },
)

for (const [first, second] of [
  [4, 5],
  [5, 4],
  [3, 5],
] as const) {
  spec(
    `[5.0 MQTT-3.1.4-3] a connection of version ${second} takes over one of version ${first}`,
    [5],
    async ({ connect }) => {
      const old = await connect('same', keptSession(first), first)
      await old.subscribe({ topic: 'a', qos: 1 })
      const young = await connect('same', keptSession(second), second)
      await old.expectDisconnect(0x8e)
      const publisher = await connect('publisher')
      await publisher.publish({ topic: 'a', qos: 1 })
      await young.expect('publish')
    },
  )
}

spec('a refused CONNECT does not take over', ALL, async ({ version, broker, connect, dial }) => {
  const old = await connect('same')
  broker.authenticate = () => false
  const intruder = dial()
  intruder.send(connectPacket(version, { clientId: 'same' }))
  await intruder.closed()
  await old.expectNothing()
})

spec(
  '[3.1.1 MQTT-3.1.4-3] [5.0 MQTT-3.1.4-4] after a takeover the session is resumed, or a new one is started',
  ALL,
  async ({ version, broker, connect, resume }) => {
    const first = await connect('same', keptSession(version))
    await first.subscribe({ topic: 'a', qos: 1 })
    const second = await resume('same', keptSession(version))
    await first.closed()
    assert.equal(second.connack.sessionPresent, version !== 3)
    await broker.publish({ topic: 'a', qos: 1, payload: 'mine' })
    assert.equal((await second.client.expect('publish')).payload.toString(), 'mine')
    const third = await resume('same', { ...keptSession(version), clean: true })
    await second.client.closed()
    assert.equal(third.connack.sessionPresent, false)
    await broker.publish({ topic: 'a', qos: 1 })
    await third.client.expectNothing()
  },
)

spec(
  'a session that ends with its connection does not survive its takeover',
  [5],
  async ({ connect, resume, broker }) => {
    const first = await connect('same', { clean: true })
    await first.subscribe({ topic: 'a', qos: 1 })
    const { client, connack } = await resume('same', { clean: false })
    await first.closed()
    assert.equal(connack.sessionPresent, false)
    await broker.publish({ topic: 'a', qos: 1 })
    await client.expectNothing()
  },
)

spec('the connection that takes over gets the unacknowledged messages', ALL, async ({ version, broker, connect }) => {
  const first = await connect('same', keptSession(version))
  await first.subscribe({ topic: 'a', qos: 1 })
  await broker.publish({ topic: 'a', qos: 1, payload: 'open' })
  const sent = await first.expect('publish')
  const second = await connect('same', keptSession(version))
  const again = await second.expect('publish')
  assert.deepEqual([again.messageId, again.dup, again.payload.toString()], [sent.messageId, true, 'open'])
})

spec(
  'of many simultaneous connections with one identifier, one remains and the others are closed',
  ALL,
  async ({ version, broker, dial }) => {
    const clients = Array.from({ length: 10 }, () => dial())
    for (const client of clients) client.send(connectPacket(version, { clientId: 'same', ...keptSession(version) }))
    await Promise.all(clients.slice(0, -1).map(client => client.closed()))
    const [last] = clients.slice(-1)
    await last!.expect('connack')
    await last!.expectNothing()
    assert.equal(broker.connectedClients, 1)
  },
)

const WILL: Will = { topic: 'will', payload: Buffer.from('taken over'), qos: 0, retain: false }

spec(
  '[3.1.1 MQTT-3.1.4-2] [3.1.1 MQTT-3.1.2-8] the will of the earlier connection is published',
  [3, 4],
  async tools => {
    const { connect, version } = tools
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: 'will', qos: 0 })
    for (const terms of [{ clean: true }, keptSession(version)]) {
      await connect('same', { ...terms, will: WILL })
      const second = await connect('same', terms)
      assert.equal((await watcher.expect('publish')).payload.toString(), 'taken over')
      await second.disconnect()
    }
  },
)

// will delay, expiry of the first connection, clean start of the second: whether the will is published
for (const [delay, expiry, clean, published] of [
  [0, 100, false, true],
  [10, 100, false, false],
  [10, 100, true, true],
  [10, 0, false, true],
  [0, 0, false, true],
] as const) {
  spec(
    `[5.0 MQTT-3.1.4-3] [5.0 MQTT-3.1.2-8] delay ${delay}, expiry ${expiry}, clean start ${clean}: \
the will of the earlier connection is ${published ? 'published' : 'dropped'}`,
    [5],
    async ({ clock, connect }) => {
      const watcher = await connect('watcher')
      await watcher.subscribe({ topic: 'will', qos: 0 })
      const will: Will = { ...WILL, properties: { willDelayInterval: delay } }
      await connect('same', { clean: true, will, properties: { sessionExpiryInterval: expiry } })
      await connect('same', { clean, properties: { sessionExpiryInterval: expiry } })
      const before = (await watcher.settle()).length
      assert.equal(before, published ? 1 : 0)
      await clock.advance(200_000)
      await watcher.expectNothing()
    },
  )
}
