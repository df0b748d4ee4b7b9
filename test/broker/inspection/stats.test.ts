/** The numbers of a broker: each changes when the counted thing happens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Broker, createMemoryPersistence } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { temporaryFolder } from '../../persistence/lmdb/folders.js'
import { connectTo, withBrokers } from '../../support/brokers/several.js'
import { keptSession } from '../../support/spec.js'

const KINDS: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  lmdb: () => createLmdbPersistence({ path: temporaryFolder() }),
}

const sessionsOf = (broker: Pick<Broker, 'stats'>) => {
  const { stored, away, total } = broker.stats().sessions
  return [stored, away, total]
}

for (const [kind, create] of Object.entries(KINDS)) {
  test(`sessions, subscriptions, queues and retained messages are counted (${kind})`, () =>
    withBrokers([{ persistence: create() }], async ([broker]) => {
      const stored = await connectTo(broker, 'stored', keptSession(5))
      const fleeting = await connectTo(broker, 'fleeting')
      await stored.subscribe({ topic: 't', qos: 1 }, { topic: '$share/g/s', qos: 1 })
      await fleeting.subscribe({ topic: 't', qos: 0 }, { topic: '$share/g/s', qos: 0 })
      await stored.subscribe({ topic: 't', qos: 1 })
      const { subscriptions } = broker.stats()
      assert.deepEqual(subscriptions, {
        connected: 4,
        stored: 2,
        total: 4,
        shared: 2,
        sharedGroups: 1,
        bytes: 2 * (256 + 1) + 2 * (256 + 10),
      })
      assert.deepEqual(sessionsOf(broker), [1, 0, 2])
      assert.equal(broker.stats().clients.maximum, 2)
      await stored.disconnect()
      while (broker.connectedClients > 1) await nextTurn()
      await broker.publish({ topic: 't', payload: 'queued', qos: 1, retain: true })
      await broker.publish({ topic: 't', payload: 'queued too', qos: 1 })
      const { clients, queued, retained, connections } = broker.stats()
      assert.deepEqual(sessionsOf(broker), [1, 1, 2])
      assert.deepEqual([clients.connected, clients.maximum, clients.total], [1, 2, 2])
      assert.deepEqual([connections.open, connections.total], [1, 2])
      assert.deepEqual(queued, { messages: 2, bytes: 16 })
      assert.deepEqual(retained, { messages: 1, bytes: 6 })
      assert.deepEqual(broker.stats().subscriptions, {
        connected: 2,
        stored: 2,
        total: 4,
        shared: 2,
        sharedGroups: 1,
        bytes: 523,
      })
      await fleeting.disconnect()
      await broker.deleteSession('stored')
      await broker.deleteRetained('#')
      while (broker.connectedClients > 0) await nextTurn()
      const empty = broker.stats()
      assert.deepEqual(empty.subscriptions, { connected: 0, stored: 0, total: 0, shared: 0, sharedGroups: 0, bytes: 0 })
      assert.deepEqual(sessionsOf(broker), [0, 0, 0])
      assert.equal(empty.sessions.ended.deleted, 1)
      assert.deepEqual(
        [empty.queued, empty.retained],
        [
          { messages: 0, bytes: 0 },
          { messages: 0, bytes: 0 },
        ],
      )
    }))
}

test('a broker has its uptime, and statistics even before it is started', () =>
  withBrokers([{}], async ([broker], clock) => {
    const { startedAt } = broker.stats()
    assert.equal(startedAt, clock.now())
    await clock.advance(5000)
    assert.equal(broker.stats().uptimeMs, 5000)
    const { startedAt: never, uptimeMs, sessions, retained } = new Broker().stats()
    assert.deepEqual([never, uptimeMs, sessions.total, retained.messages], [undefined, 0, 0, 0])
  }))
