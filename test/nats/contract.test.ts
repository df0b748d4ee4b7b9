/** The engine on NATS fulfils the contract, with one server and with three. */
import { after, describe, it } from 'node:test'
import { natsCluster } from '../../lib/nats/index.js'
import { clusterSuite, type TestEngine } from '../../lib/testing/cluster.js'
import type { ClusterNode } from '../../types/cluster.js'
import { effort } from '../support/effort.js'
import { Cable, NatsServers, NO_NATS, natsServer } from '../support/programs/nats.js'

let clusters = 0
/** Each test creates its streams: more than one, so that several shards are tested too. */
const SHARDS = 2

/** A separate cluster, by its prefix. Each node has a separate connection to one of the servers, which can be cut. */
function engineOf(servers: NatsServers, replicas: 1 | 3): TestEngine {
  const cables = new Map<ClusterNode, Cable>()
  const prefix = `test${++clusters}`
  let joined = 0
  return {
    async join(request) {
      const cable = await Cable.to(servers.ports[joined++ % servers.ports.length]!)
      const connection = { ignoreClusterUpdates: true, timeout: 10_000 }
      try {
        const cluster = natsCluster({ servers: cable.url, replicas, prefix, shards: SHARDS, connection })
        const node = await cluster.join(request)
        cables.set(node, cable)
        return node
      } catch (error) {
        cable.close()
        throw error
      }
    },
    cut: node => cables.get(node)!.cut(),
    heal: node => cables.get(node)!.heal(),
    close: () => {
      for (const cable of cables.values()) cable.close()
    },
  }
}

const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'

// three servers on one machine are slow: only the long form uses them
for (const replicas of effort === 'full' ? ([1, 3] as const) : ([1] as const)) {
  describe(`NATS, ${replicas} ${replicas === 1 ? 'server' : 'servers'}`, { skip, concurrency: 8 }, () => {
    let servers: Promise<NatsServers> | undefined
    after(async () => (await servers)?.stop())
    clusterSuite({
      test: it,
      leaseMs: 3000,
      engine: async () => {
        servers ??= NatsServers.start(replicas)
        return engineOf(await servers, replicas)
      },
    })
  })
}
