/** The engine in memory fulfils the contract, with and without latency. */
import { describe, it } from 'node:test'
import { clusterSuite, MemoryCluster } from '../../lib/testing/cluster.js'

for (const latencyMs of [0, 1]) {
  describe(`a cluster in memory, ${latencyMs} ms away`, { concurrency: 8 }, () => {
    clusterSuite({
      test: it,
      leaseMs: 300,
      engine: () => {
        const cluster = new MemoryCluster({ latencyMs })
        return {
          join: request => cluster.join(request),
          cut: node => cluster.cut(node),
          heal: node => cluster.heal(node),
          close: () => {},
        }
      },
    })
  })
}
