/**
 * A session that has ended leaves nothing in the engine: each client identifier may be new, so whatever stays is there
 * for ever.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IClientOptions } from 'mqtt'
import { MemoryCluster } from '../../../lib/testing/cluster.js'
import { FakeClock } from '../../../lib/testing/index.js'
import { type TestNode, until, withNodes } from '../support/nodes.js'

const WEEK_MS = 604_800_000
const EXPIRY_SECONDS = 60

/** What a cluster has stored for clients. */
function storedIn({ shards }: MemoryCluster): string[] {
  return shards.flatMap(({ records, deadlines, claims }) => [
    ...[...deadlines.keys()].map(clientId => `deadline of ${clientId}`),
    ...[...records].flatMap(([clientId, { size }]) => (size > 0 ? [`records of ${clientId}`] : [])),
    ...[...claims].flatMap(([clientId, { node }]) => (node === undefined ? [] : [`claim of ${clientId}`])),
  ])
}

/** How a session ends. Its client was connected to the first node. */
type End = (nodes: { one: TestNode; other: TestNode; clock: FakeClock; clientId: string }) => Promise<unknown>

const ENDS: Record<string, End> = {
  'it expires': async ({ one, clock }) => {
    one.breakConnections()
    await until(() => one.broker.connectedClients === 0, 'the end of the connection')
    clock.advance(EXPIRY_SECONDS * 1000)
  },
  'its client begins anew elsewhere': async ({ one, other, clientId }) => {
    one.breakConnections()
    const again = await other.connect(clientId, { clean: true })
    await again.endAsync()
  },
  'its client takes it over, and ends it': async ({ other, clientId }) => {
    const again = await other.connectStored(clientId)
    await again.endAsync(false, { properties: { sessionExpiryInterval: 0 } } as never)
  },
  'the host deletes it': ({ other, clientId }) => other.broker.deleteSession(clientId),
}

const KINDS: Record<string, IClientOptions> = {
  'a session': {},
  'one with a will': { will: { topic: 'will', payload: Buffer.from('gone'), qos: 1 } },
  'one with a will that comes later': {
    will: { topic: 'will', payload: Buffer.from('gone'), qos: 1, properties: { willDelayInterval: 5 } },
  },
}

for (const [kind, options] of Object.entries(KINDS)) {
  for (const [how, end] of Object.entries(ENDS)) {
    test(`${kind} is gone when ${how}`, async () => {
      const clock = new FakeClock()
      const cluster = new MemoryCluster({ shards: 2, clock, logMs: WEEK_MS })
      const body = async (one?: TestNode, other?: TestNode) => {
        const nodes = { one: one!, other: other!, clock, clientId: 'client' }
        const properties = { sessionExpiryInterval: EXPIRY_SECONDS }
        const client = await nodes.one.connectStored('client', { ...options, properties })
        await client.subscribeAsync({ 't/#': { qos: 1 }, '$share/g/s': { qos: 1 } })
        await nodes.other.broker.publish({ topic: 't/a', payload: 'x', qos: 2 })
        client.on('error', () => {})
        await end(nodes)
        await until(
          () => storedIn(cluster).length === 0,
          () => storedIn(cluster).join(),
        )
      }
      await withNodes(cluster, 2, body, { clock })
    })
  }
}

test('a client without a session leaves nothing, whatever becomes of its node', async () => {
  const cluster = new MemoryCluster({ shards: 2, logMs: WEEK_MS })
  await withNodes(cluster, 2, async (one, other) => {
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 1 as const }
    for (const node of [one!, other!]) {
      const client = await node.connect(`at-${node.broker.id}`, { will })
      client.on('error', () => {})
    }
    await one!.stop()
    other!.breakConnections()
    await until(
      () => storedIn(cluster).length === 0,
      () => storedIn(cluster).join(),
    )
    assert.equal(other!.broker.connectedClients, 0)
  })
})
