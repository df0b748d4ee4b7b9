/** Full queues, clients that do not read, slow stores: memory stays bounded, and the process does not crash. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { receiveAll, textOf } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { acknowledge, nextMessage, texts } from '../../support/clients/traffic.js'
import { byEffort } from '../../support/effort.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

spec(
  'more retained messages than a queue may hold are sent as it empties',
  ALL,
  async ({ broker, connect, version }) => {
    for (const topic of ['a', 'b', 'c']) await broker.publish({ topic, payload: topic, retain: true, qos: 1 })
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: '#', qos: 1 })
    for (const topic of ['a', 'b', 'c']) {
      const message = await nextMessage(client, 1)
      assert.equal(textOf(message), topic)
      await client.expectNothing()
      await acknowledge(client, message)
    }
  },
  { queueOverflow: 'reject', maxQueuedMessages: 1 },
)

spec(
  'a retained message that a full queue refuses is dropped for that client only, with an event',
  ALL,
  async ({ broker, connect, version }) => {
    const drops: string[] = []
    broker.on('drop', ({ clientId, reason }) => drops.push(`${clientId} ${reason}`))
    await broker.publish({ topic: 'large', payload: 'x'.repeat(20), retain: true, qos: 1 })
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'large', qos: 1 }, { topic: 'small', qos: 1 })
    await client.expectNothing()
    assert.deepEqual(drops, ['client queue-full'])
    await broker.publish({ topic: 'small', payload: 'x', qos: 1 })
    assert.deepEqual(texts(await receiveAll(client)), ['x'])
  },
  { queueOverflow: 'reject', maxQueuedBytes: 10 },
)

spec(
  'a message of a leaving group member that the full queue of another refuses is dropped with an event',
  ALL,
  async ({ broker, connect, version }) => {
    const drops: string[] = []
    broker.on('drop', ({ clientId, reason }) => drops.push(`${clientId} ${reason}`))
    const full = await connect('full', keptSession(version))
    await full.subscribe({ topic: 'own', qos: 1 })
    const leaving = await connect('leaving')
    await leaving.subscribe({ topic: '$share/g/t', qos: 1 })
    await broker.publish({ topic: 't', payload: 'x', qos: 1 })
    await nextMessage(leaving, 1)
    await full.subscribe({ topic: '$share/g/t', qos: 1 })
    await broker.publish({ topic: 'own', qos: 1 })
    await leaving.drop()
    await turns(10)
    assert.deepEqual(drops, ['full queue-full'])
    assert.equal(broker.connectedClients, 1)
    await connect('leaving')
  },
  { queueOverflow: 'reject', maxQueuedMessages: 1 },
)

const FLOODS: Record<string, Packet> = {
  PINGREQ: { cmd: 'pingreq' },
  'QoS 1 PUBLISH': {
    cmd: 'publish',
    topic: 'a',
    payload: Buffer.alloc(0),
    qos: 1,
    messageId: 1,
    retain: false,
    dup: false,
  },
  SUBSCRIBE: { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
}

const versions = byEffort<readonly ProtocolVersion[]>({ fast: [5], normal: ALL, full: ALL })
for (const [what, packet] of Object.entries(FLOODS)) {
  spec(
    `the broker stops reading from a client that sends ${what} and does not read the answers`,
    versions,
    async scene => {
      const { broker, clock, connect, version } = scene
      const flooding = await connect('flooding')
      flooding.stream.pause()
      const flood = Buffer.concat(Array.from({ length: 20_000 }, () => encode(packet, version)))
      let accepted = 0
      const push = () => flooding.stream.write(flood, () => ++accepted < 100 && push())
      push()
      await turns(500)
      assert(accepted < 40, `${accepted} times 20,000 packets were taken`)
      const other = await connect('other')
      await other.expectNothing()
      // keep alive does not count while the broker does not read: the client is disconnected because it does not drain
      const told = new Promise(resolve => broker.once('clientError', (_, { code }) => resolve(code)))
      await clock.advance(61_000)
      assert.equal(await told, 'ANAX_ERR_DRAIN_TIMEOUT')
    },
  )
}

spec('a client that reads its answers late gets all of them', [4], async ({ connect }) => {
  const client = await connect('late')
  const count = 200_000
  client.stream.pause()
  client.stream.write(Buffer.concat(Array.from({ length: count }, () => encode({ cmd: 'pingreq' }, 4))))
  await turns(100)
  client.send({ cmd: 'disconnect' })
  client.stream.resume()
  const answers = await client.closed()
  assert.equal(answers.filter(({ cmd }) => cmd === 'pingresp').length, count)
})

test('thousands of retained messages fit into the queue of a stored session, even with a slow store', async () => {
  const retained = byEffort({ fast: 300, normal: 2500, full: 10_000 })
  const clock = new FakeClock()
  const inner = createMemoryPersistence({ now: () => clock.now() })
  const persistence = slowStore(inner, { clock, effect: 'early', next: () => 3 })
  await whileTimePasses(clock, async () => {
    const broker = await createBroker({ clock, persistence })
    const drops: unknown[] = []
    broker.on('drop', drop => drops.push(drop))
    const published = Array.from({ length: retained }, (_, i) =>
      broker.publish({ topic: `r/${i}`, payload: 'x', retain: true, qos: 1 }),
    )
    await Promise.all(published)
    const client = new SpecClient(broker, 5)
    await client.connect({ clientId: 'client', ...keptSession(5) })
    await client.subscribe({ topic: '#', qos: 1 })
    let count = 0
    while (count + drops.length < retained) count += (await receiveAll(client)).length
    assert.deepEqual([count, drops.length], [retained, 0])
    await broker.close()
  })
})
