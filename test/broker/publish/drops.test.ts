/** Dropped messages: each is reported and counted, by reason and by client. */
import assert from 'node:assert/strict'
import { type Broker, createMemoryPersistence } from '../../../lib/index.js'
import type { DropReason } from '../../../types/broker/events.js'
import { failingStore } from '../../support/brokers/stores.js'
import { publishText, receiveTexts } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** The counters that are not 0. */
function counted(broker: Broker): Partial<Record<DropReason, number>> {
  return Object.fromEntries(Object.entries(broker.drops).filter(([, count]) => count > 0))
}

/** Records the `drop` events from now on. */
function told(broker: Broker): string[] {
  const lines: string[] = []
  broker.on('drop', ({ clientId, message, reason }) => lines.push(`${clientId} ${message.payload} ${reason}`))
  return lines
}

spec('every drop reason has a counter, which is 0 at first', ALL, async ({ broker, connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: 'a', qos: 1 })
  await publishText(await connect('publisher'), 'a', 'x', { qos: 1 })
  assert.deepEqual(await receiveTexts(client), ['x'])
  assert.deepEqual(Object.keys(broker.drops).toSorted(), [
    'disconnected',
    'expired',
    'not-encodable',
    'not-forwarded',
    'outbox-full',
    'overload',
    'packet-too-large',
    'queue-full',
    'refused',
    'session-ended',
    'store-failed',
    'store-full',
  ])
  assert.deepEqual(counted(broker), {})
  assert.equal(broker.clients.client?.drops, 0)
})

spec('drops are counted by reason and by client, with and without listeners', ALL, async ({ broker, connect }) => {
  broker.authorizeForward = ({ id }, packet) => (id === 'withheld' ? null : packet)
  for (const id of ['withheld', 'other']) await (await connect(id)).subscribe({ topic: 'a', qos: 0 })
  for (let i = 0; i < 3; i++) await broker.publish({ topic: 'a' })
  assert.deepEqual(counted(broker), { 'not-forwarded': 3 })
  assert.deepEqual([broker.clients.withheld?.drops, broker.clients.other?.drops], [3, 0])
})

spec('a message that its client refuses is dropped and not sent again', [5], async ({ broker, connect }) => {
  const lines = told(broker)
  const client = await connect('client')
  await client.subscribe({ topic: 'a', qos: 2 })
  for (const qos of [1, 2] as const) {
    await broker.publish({ topic: 'a', payload: `${qos}`, qos })
    const { messageId } = await client.expect('publish')
    client.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: messageId!, reasonCode: 0x83 })
  }
  await broker.publish({ topic: 'a', payload: 'taken', qos: 1 })
  const { messageId } = await client.expect('publish')
  client.send({ cmd: 'puback', messageId: messageId!, reasonCode: 0x10 })
  await client.settle()
  assert.deepEqual(lines, ['client 1 refused', 'client 2 refused'])
  assert.deepEqual(counted(broker), { refused: 2 })
})

spec('the counters that are read are a copy, so that nobody can change them', ALL, async ({ broker }) => {
  const drops = broker.drops as Record<DropReason, number>
  drops['queue-full'] = 100
  assert.deepEqual(counted(broker), {})
})

spec(
  'the counters of a client start at 0 when it reconnects, those of the broker continue',
  ALL,
  async ({ broker, connect }) => {
    broker.authorizeForward = () => null
    for (let i = 1; i <= 2; i++) {
      const client = await connect('client')
      await client.subscribe({ topic: 'a', qos: 0 })
      await broker.publish({ topic: 'a' })
      assert.equal(broker.clients.client?.drops, 1)
      assert.deepEqual(counted(broker), { 'not-forwarded': i })
      await client.disconnect()
    }
  },
)

spec(
  'drops in the queue of a disconnected session are counted for the broker',
  ALL,
  async ({ version, broker, connect }) => {
    const client = await connect('away', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.disconnect()
    const lines = told(broker)
    for (const payload of ['1', '2', '3']) await broker.publish({ topic: 'a', payload, qos: 1 })
    assert.deepEqual(lines, ['away 2 queue-full', 'away 3 queue-full'])
    assert.deepEqual(counted(broker), { 'queue-full': 2 })
  },
  { maxQueuedMessages: 1 },
)

for (const kept of [true, false]) {
  const what = kept ? 'QoS 0 for a stored session' : 'any QoS for a session that is not stored'
  spec(
    `messages that wait in memory when the connection ends are dropped and counted: ${what}`,
    ALL,
    async ({ version, broker, connect }) => {
      const client = await connect('client', kept ? keptSession(version) : {})
      await client.subscribe({ topic: 'a', qos: 2 })
      const connection = broker.clients.client!
      client.stream.pause()
      // more than the stream accepts, so that later frames have to wait
      await broker.publish({ topic: 'a', payload: Buffer.alloc(1e6) })
      await new Promise(resolve => setImmediate(resolve))
      for (const qos of kept ? ([0, 0] as const) : ([0, 1, 2] as const)) {
        await broker.publish({ topic: 'a', payload: `qos ${qos}`, qos })
      }
      const lines = told(broker)
      await connection.close()
      const expected = kept ? ['qos 0', 'qos 0'] : ['qos 0', 'qos 1', 'qos 2']
      assert.deepEqual(
        lines,
        expected.map(text => `client ${text} disconnected`),
      )
      assert.deepEqual(counted(broker), { disconnected: expected.length })
      assert.equal(connection.drops, expected.length)
    },
  )
}

for (const how of ['it expires', 'its client starts a new one'] as const) {
  spec(
    `messages in the queue of a stored session are dropped and counted when ${how}`,
    [5],
    async ({ broker, clock, connect }) => {
      const client = await connect('client', keptSession(5, 10))
      await client.subscribe({ topic: 'a', qos: 1 })
      await broker.publish({ topic: 'a', payload: 'sent', qos: 1 })
      await client.expect('publish')
      await broker.clients.client!.close()
      for (const payload of ['one', 'two']) await broker.publish({ topic: 'a', payload, qos: 1 })
      const lines = told(broker)
      const ended = new Promise(resolve => broker.once('sessionEnded', resolve))
      if (how === 'it expires') await clock.advance(11_000)
      else await connect('client')
      await ended
      assert.deepEqual(lines, ['client one session-ended', 'client two session-ended'])
      assert.deepEqual(counted(broker), { 'session-ended': 2 })
    },
  )
}

spec(
  'removing a queue of thousands of messages takes several turns of the event loop',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client', keptSession(5))
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.disconnect()
    for (let i = 0; i < 2000; i++) await broker.publish({ topic: 'a', qos: 1 })
    let turns = 0
    let longest = 0
    let inThisTurn = 0
    broker.on('drop', () => {
      longest = Math.max(longest, ++inThisTurn)
    })
    const turn = () => {
      turns++
      inThisTurn = 0
      if (broker.drops['session-ended'] < 2000) setImmediate(turn)
    }
    setImmediate(turn)
    await connect('client')
    assert.equal(broker.drops['session-ended'], 2000)
    assert(longest <= 500 && turns > 2, `${longest} at once, ${turns} turns`)
  },
  { maxQueuedMessages: 2000 },
)

const store = failingStore(createMemoryPersistence())
spec(
  'messages of a leaving group member that the store refuses are dropped and counted',
  [4],
  async ({ broker, connect }) => {
    const errors: string[] = []
    const leaving = await connect('leaving')
    await leaving.subscribe({ topic: '$share/g/a', qos: 1 })
    await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
    await leaving.expect('publish')
    await (await connect('staying', keptSession(4))).subscribe({ topic: '$share/g/a', qos: 1 })
    const lines = told(broker)
    broker.removeAllListeners('storeError').on('storeError', ({ code }) => errors.push(code))
    store.fail('enqueue', 'rejects')
    const dropped = new Promise(resolve => broker.once('drop', resolve))
    await leaving.drop()
    await dropped
    store.fail(undefined)
    assert.deepEqual(errors, ['ANAX_ERR_STORE'])
    assert.deepEqual(lines, ['staying x store-failed'])
  },
  { persistence: store.store },
)
