/**
 * The host and the client change subscriptions at the same time: the store, the live subscriptions and the answers
 * agree.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { runs } from '../../support/effort.js'
import { keptSession } from '../../support/spec.js'

type Change = { by: 'host' | 'client'; does: 'subscribe' | 'unsubscribe' }

async function play(changes: readonly Change[], latencies: readonly number[]): Promise<void> {
  const clock = new FakeClock()
  const store = createMemoryPersistence({ now: () => clock.now() })
  let at = 0
  const next = () => latencies[at++ % latencies.length]!
  await whileTimePasses(clock, async () => {
    const broker = await createBroker({ clock, persistence: slowStore(store, { clock, effect: 'early', next }) })
    const peer = new SpecClient(broker, 5)
    await peer.connect({ clientId: 'c', ...keptSession(5) })
    const client = broker.clients.c!
    let packets = 0
    const host: Promise<unknown>[] = []
    for (const { by, does } of changes) {
      if (by === 'host')
        host.push(does === 'subscribe' ? client.subscribe({ topic: 't', qos: 1 }) : client.unsubscribe('t'))
      else if (does === 'subscribe') {
        peer.send({ cmd: 'subscribe', messageId: ++packets, subscriptions: [{ topic: 't', qos: 1 }] })
      } else {
        peer.send({ cmd: 'unsubscribe', messageId: ++packets, unsubscriptions: ['t'] })
      }
      // the packet arrives before the host's next call
      await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    }
    for (let i = 0; i < packets; i++) await peer.next()
    await Promise.all(host)
    const last = changes.at(-1)!.does
    assert.equal(client.subscriptions.has('t'), last === 'subscribe', 'live')
    const stored = (await store.subscriptionsByClient({ id: 'c' })) ?? []
    assert.equal(stored.length, last === 'subscribe' ? 1 : 0, 'stored')
    await broker.close()
  })
}

describe('subscription changes by the application and the client', () => {
  it('have the same result in the store and in the broker, however slow the store is', async () => {
    const change = fc.record<Change>({
      by: fc.constantFrom('host', 'client'),
      does: fc.constantFrom('subscribe', 'unsubscribe'),
    })
    const property = fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 7 }),
      play,
    )
    await fc.assert(property, { numRuns: runs(40) })
  })

  it('made in a hook of the client do not wait for the hook', async () => {
    const broker = await createBroker({
      hookTimeoutMs: 0,
      authorizeSubscribe: async (client, subscription) => {
        await client.subscribe({ topic: 'by/the/host', qos: 0 })
        return subscription
      },
      published: async (_packet, client) => {
        await client?.unsubscribe('by/the/host')
      },
    })
    const peer = new SpecClient(broker, 5)
    await peer.connect({ clientId: 'c' })
    await peer.subscribe({ topic: 'own', qos: 0 })
    assert.deepEqual([...broker.clients.c!.subscriptions.keys()].sort(), ['by/the/host', 'own'])
    await peer.publish({ topic: 'other', qos: 1 })
    assert.deepEqual([...broker.clients.c!.subscriptions.keys()], ['own'])
    await broker.close()
  })
})
