/** A topic that matches very many filters of stored sessions: the search takes several turns of the event loop. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createBroker } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { MemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { textPacket } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'

const LEVELS = 14
const FILTERS = 2 ** LEVELS
const SESSIONS = 4
const TOPIC = Array(LEVELS).fill('a').join('/')

/** A filter with `+` in each place where the number has a one: all of them match the topic. */
function filter(number: number): string {
  return Array.from({ length: LEVELS }, (_, level) => ((number >> level) & 1 ? '+' : 'a')).join('/')
}

async function fill(store: SessionPersistence): Promise<void> {
  for (let session = 0; session < SESSIONS; session++) {
    const id = `s${session}`
    await store.saveSession({ clientId: id, expiryInterval: 0xffff_ffff, expiresAt: undefined })
    const topics = Array.from({ length: FILTERS / SESSIONS }, (_, i) => filter(i * SESSIONS + session))
    await store.addSubscriptions(
      { id },
      topics.map(topic => ({ topic, qos: 1 })),
    )
  }
}

/** Publishes one message, and records how its search is spread over turns. */
async function published(store: SessionPersistence) {
  const broker = await createBroker({ persistence: store })
  const client = new SpecClient(broker)
  await client.connect({ clientId: 'publisher' })
  const pauses = () => broker.stats().scheduler.pauses
  const before = pauses()
  client.send(textPacket(TOPIC, 'one', { qos: 1, messageId: 1 }), textPacket('b', 'two', { qos: 1, messageId: 2 }))
  let answers = 0
  for (let id = 1; id <= 2; id++) client.expect('puback').then(({ messageId }) => (answers += Number(messageId === id)))
  while (answers < 2) await turn()
  const queued = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, i) => (await store.queueSize(`s${i}`)).messages),
  )
  return { broker, pauses: pauses() - before, queued }
}

describe('the search for a topic that matches very many filters of stored sessions takes several turns of the event loop', () => {
  it('in memory', async () => {
    const store = new MemoryPersistence()
    await fill(store)
    const { broker, pauses, queued } = await published(store)
    assert(pauses >= 2, `${pauses} pauses`)
    assert.deepEqual(queued, Array(SESSIONS).fill(1))
    assert.equal((await store.subscriptionsByTopic(TOPIC)).length, FILTERS)
    await broker.close()
  })

  it('on disk', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anax-filters-'))
    const store = createLmdbPersistence({ path: folder })
    await store.setup({ id: 'filler' })
    await fill(store)
    const { broker, pauses, queued } = await published(store)
    assert(pauses >= 2, `${pauses} pauses`)
    assert.deepEqual(queued, Array(SESSIONS).fill(1))
    await broker.close()
    rmSync(folder, { recursive: true })
  })
})
