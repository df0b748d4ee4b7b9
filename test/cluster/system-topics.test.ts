/** The statistics of a node below `$SYS/brokers/ID/` exist as long as the node, and are removed soon after it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../lib/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/index.js'
import type { Broker } from '../../types/broker/broker.js'
import type { Cluster } from '../../types/cluster.js'

const LEASE_MS = 15_000
const INTERVAL_SECONDS = 10

async function topicsOf(broker: Broker, node: string): Promise<string[]> {
  const topics: string[] = []
  for await (const { topic } of broker.retained(`$SYS/brokers/${node}/#`)) topics.push(topic)
  return topics
}

for (const end of ['crash', 'stop'] as const) {
  test(`the $SYS topics of a node are removed after its ${end}`, async () => {
    const clock = new FakeClock()
    const engine = new MemoryCluster({ clock })
    let isCut = false
    const cluster: Cluster = {
      join: request => (isCut ? Promise.reject(new Error('no engine')) : engine.join(request)),
    }
    const options = { cluster, clock, leaseMs: LEASE_MS, sysInterval: INTERVAL_SECONDS }
    await using one = await createBroker({ ...options, id: 'one' })
    const other = await createBroker({ ...options, id: 'other' })
    // long enough for values that never change to expire
    for (let seconds = 0; seconds < 200; seconds++) await clock.advance(1000)
    const there = await topicsOf(one, 'one')
    assert.ok(there.includes('$SYS/brokers/one/clients/maximum'))
    assert.equal((await topicsOf(one, 'other')).length, there.length)
    isCut = true
    if (end === 'crash') engine.cut(engine.nodes.get('other')!)
    else await other.close()
    for (let seconds = 0; seconds < 6 * INTERVAL_SECONDS; seconds++) await clock.advance(1000)
    assert.deepEqual(await topicsOf(one, 'other'), [])
    assert.equal((await topicsOf(one, 'one')).length, there.length)
    await other.close()
  })
}
