/** The hook for a will gets the client that left it, however long ago. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, createBroker } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { whileTimePasses } from '../../support/brokers/stores.js'
import { connectPacket, SpecClient } from '../../support/clients/spec-client.js'
import { keptSession, spec } from '../../support/spec.js'
import { temporaryFolder } from '../../support/tls/certificate.js'

const delayedWill = (seconds: number) => ({
  topic: 'alice/will',
  payload: Buffer.from('gone'),
  qos: 1 as const,
  retain: false,
  properties: { willDelayInterval: seconds },
})

for (const delay of [0, 60]) {
  spec(`a hook that checks the user name allows a will after ${delay} s`, [5], async scene => {
    const { broker, clock, connect } = scene
    const seen: string[] = []
    const asked: Client[] = []
    await broker.subscribe('#', ({ topic }) => seen.push(topic))
    broker.authenticate = client => {
      client.context = { role: 'sensor' }
      return true
    }
    broker.authorizePublish = (client, packet) => {
      asked.push(client)
      return packet.topic.startsWith(`${client.username}/`)
    }
    const client = await connect('sensor', { username: 'alice', will: delayedWill(delay), ...keptSession(5, 1000) })
    await client.drop()
    await clock.advance(61_000)
    assert.deepEqual(seen, ['alice/will'])
    const [about] = asked
    assert.deepEqual([about?.id, about?.username, about?.connected], ['sensor', 'alice', false])
    assert.deepEqual(about?.context, { role: 'sensor' })
    await assert.rejects(about!.publish({ topic: 'x' }), { code: 'ANAX_ERR_NOT_CONNECTED' })
    await assert.rejects(about!.subscribe({ topic: 'x', qos: 0 }), { code: 'ANAX_ERR_NOT_CONNECTED' })
    await about!.close()
    assert.equal(about!.conn.destroyed, true)
    assert.equal(about!.subscriptions.size, 0)
  })
}

test('after a restart the hook gets what the store has of the client of a will', async () => {
  const folder = temporaryFolder()
  const clock = new FakeClock()
  const open = () => createBroker({ id: 'b', clock, persistence: createLmdbPersistence({ path: folder.path }) })
  const before = await open()
  await whileTimePasses(clock, async () => {
    const client = new SpecClient(before, 5)
    const will = delayedWill(3600)
    client.send(connectPacket(5, { clientId: 'sensor', username: 'alice', will, ...keptSession(5, 100_000) }))
    await client.expect('connack')
    await before.close()
  })
  const after = await open()
  const asked: (string | undefined)[][] = []
  after.authorizePublish = client => asked.push([client.id, client.username]) > 0
  await clock.advance(3_601_000)
  for (let i = 0; i < 1000 && asked.length === 0; i++) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(asked, [['sensor', 'alice']])
  await whileTimePasses(clock, () => after.close())
  folder.remove()
})
