/**
 * A retained message waits for its subscriber while a newer one of its topic overtakes it: the older one is not sent.
 */
import assert from 'node:assert/strict'
import { createMemoryPersistence } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import type { PublishPacket } from '../../../types/message/packets.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { temporaryFolder } from '../../persistence/lmdb/folders.js'
import { acknowledge, receiveAll, textOf } from '../../support/clients/exchange.js'
import { keptSession, spec } from '../../support/spec.js'

const STORES: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
}

for (const [name, store] of Object.entries(STORES)) {
  for (const session of ['stored', 'clean'] as const) {
    spec(
      `the last message delivered for a topic is the newest (${name}, ${session} session)`,
      [5],
      async ({ broker, connect }) => {
        const topics = Array.from({ length: 10 }, (_, i) => `t/${i}`)
        for (const topic of topics) await broker.publish({ topic, payload: 'old', qos: 1, retain: true })
        const { properties } = keptSession(5)
        const client = await connect('client', {
          clean: session === 'clean',
          properties: { ...(session === 'stored' && properties), receiveMaximum: 1 },
        })
        await client.subscribe({ topic: 't/#', qos: 1 })
        const first = await client.expect('publish')
        for (const topic of topics) await broker.publish({ topic, payload: 'new', qos: 1, retain: true })
        const last = new Map([[first.topic, textOf(first)]])
        const retained = [first.topic]
        const note = (packet: PublishPacket) => {
          last.set(packet.topic, textOf(packet))
          if (packet.retain) retained.push(packet.topic)
        }
        acknowledge(client, first)
        const isOld = (topic: string) => last.get(topic) !== 'new'
        while (topics.some(isOld) || retained.length < topics.length) {
          const packet = await client.expect('publish')
          note(packet)
          acknowledge(client, packet)
        }
        for (const packet of await receiveAll(client)) note(packet)
        assert.deepEqual(
          [...last].toSorted(),
          topics.map(topic => [topic, 'new']),
        )
        assert.deepEqual(retained.toSorted(), topics, 'each is also delivered as a retained message')
      },
      { persistence: store() },
    )
  }
}

spec('a later subscription gets the message that is retained then', [5], async ({ broker, connect }) => {
  for (const topic of ['a', 'b', 'c']) await broker.publish({ topic, payload: 'old', qos: 1, retain: true })
  const client = await connect('client', { properties: { receiveMaximum: 1 } })
  await client.subscribe({ topic: '+', qos: 1 })
  const first = await client.expect('publish')
  await broker.publish({ topic: 'b', payload: 'new', qos: 0, retain: true })
  assert.equal(textOf(await client.expect('publish')), 'new')
  await client.subscribe({ topic: 'b', qos: 1 })
  acknowledge(client, first)
  const received = (await receiveAll(client)).map(packet => `${packet.topic} ${textOf(packet)} ${packet.retain}`)
  assert.deepEqual(received, ['b new true', 'c old true', 'b new true'])
})

spec('a retained message that was removed meanwhile is not delivered', [5], async ({ broker, connect }) => {
  for (const topic of ['a', 'b', 'c']) await broker.publish({ topic, payload: 'old', qos: 1, retain: true })
  const client = await connect('client', { properties: { receiveMaximum: 1 } })
  await client.subscribe({ topic: '+', qos: 1 })
  const first = await client.expect('publish')
  await broker.publish({ topic: 'b', retain: true })
  assert.equal(textOf(await client.expect('publish')), '')
  acknowledge(client, first)
  assert.deepEqual(
    (await receiveAll(client)).map(packet => `${packet.topic} ${textOf(packet)}`),
    ['c old'],
  )
})
