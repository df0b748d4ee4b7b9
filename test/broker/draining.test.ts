/**
 * `broker.drain()`: new clients are refused, and connected ones are sent to another server after their packets are
 * answered.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../lib/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import { publishPacket, SpecClient } from '../support/clients/spec-client.js'

const STORED = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const

test('draining disconnects clients with a Server Reference, and refuses new ones with it', async () => {
  let allow = () => {}
  const asked = new Promise<void>(resolve => {
    allow = resolve
  })
  await using broker = await createBroker({ authorizePublish: () => asked.then(() => true) })
  const newest = new SpecClient(broker)
  await newest.connect({ clientId: 'five' })
  const older = new SpecClient(broker, 4)
  await older.connect({ clientId: 'four' })
  assert.equal(broker.ready, true)
  newest.send(publishPacket({ topic: 't', qos: 1, messageId: 3, payload: Buffer.from('x') }))
  await new Promise(resolve => setTimeout(resolve, 5))
  const drained = broker.drain({ to: 'mqtt2.example:1883' })
  assert.equal(broker.ready, false)
  allow()
  assert.equal((await newest.expect('puback')).messageId, 3)
  const goodbye = await newest.expect('disconnect')
  assert.deepEqual([goodbye.reasonCode, goodbye.properties?.serverReference], [0x9c, 'mqtt2.example:1883'])
  await older.closed()
  await drained
  assert.equal(broker.connectedClients, 0)
  const late = new SpecClient(broker)
  const connack = await late.connect({ clientId: 'late' })
  assert.deepEqual([connack.reasonCode, connack.properties?.serverReference], [0x9c, 'mqtt2.example:1883'])
  const lateAndOlder = new SpecClient(broker, 4)
  assert.equal((await lateAndOlder.connect({ clientId: 'late' })).returnCode, 3)
  // the broker itself keeps running
  await broker.publish({ topic: 't', payload: 'x' })
})

test('draining has a reason for its disconnections, and publishes wills unless an option says otherwise', async () => {
  for (const will of ['publish', 'discard'] as const) {
    await using broker = await createBroker()
    const wills: string[] = []
    await broker.subscribe('will', ({ payload }) => {
      wills.push(payload.toString())
    })
    const reasons: string[] = []
    broker.on('clientDisconnect', (_client, { reason, code }) => reasons.push(`${reason} ${code}`))
    const client = new SpecClient(broker)
    await client.connect({ will: { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false } })
    await broker.drain({ will })
    assert.deepEqual([wills, reasons], [will === 'publish' ? ['gone'] : [], ['shutdown ANAX_ERR_DRAINING']])
  }
})

test('draining disconnects a limited number of clients at a time', async () => {
  const clock = new FakeClock()
  await using broker = await createBroker({ clock })
  for (let i = 0; i < 6; i++) await new SpecClient(broker).connect({ clientId: `c${i}` })
  const drained = broker.drain({ perSecond: 20 })
  const left: number[] = []
  for (let slice = 0; slice < 4; slice++) {
    while (broker.connectedClients > Math.max(0, 4 - 2 * slice)) await new Promise(resolve => setImmediate(resolve))
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
    left.push(broker.connectedClients)
    await clock.advance(100)
  }
  await Promise.all([drained, broker.drain()])
  assert.deepEqual(left, [4, 2, 0, 0])
})

test('invalid options of draining are refused', async () => {
  await using broker = await createBroker()
  for (const options of [{ to: '' }, { perSecond: 0 }, { will: 'never' }]) {
    await assert.rejects(broker.drain(options as never), { code: 'ANAX_ERR_ARGUMENT' })
  }
  assert.equal(broker.ready, true)
})

test('closing the broker does not wait for draining', async () => {
  const broker = await createBroker()
  for (let i = 0; i < 50; i++) await new SpecClient(broker).connect({ clientId: `c${i}` })
  const drained = broker.drain({ perSecond: 1 })
  await broker.close()
  await drained
  assert.equal(broker.ready, false)
})

test('in a cluster, another node can resume the session of a drained client immediately', async () => {
  const cluster = new MemoryCluster()
  await using one = await createBroker({ id: 'one', cluster })
  await using other = await createBroker({ id: 'other', cluster })
  const client = new SpecClient(one)
  await client.connect({ clientId: 'mover', ...STORED })
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 1, nl: false, rap: false, rh: 0 }] })
  await client.expect('suback')
  await one.drain()
  await other.publish({ topic: 't', payload: 'meanwhile', qos: 1 })
  const moved = new SpecClient(other)
  assert.equal((await moved.connect({ clientId: 'mover', ...STORED })).sessionPresent, true)
  assert.equal((await moved.expect('publish')).payload.toString(), 'meanwhile')
})
