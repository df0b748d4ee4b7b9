/** Several brokers on NATS are one broker. */
import { after, describe, it } from 'node:test'
import { natsCluster } from '../../lib/nats/index.js'
import { effort } from '../support/effort.js'
import { NatsServers, NO_NATS, natsServer } from '../support/programs/nats.js'
import { defineScenarios } from './support/scenarios.js'

const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'
const replicas = effort === 'full' ? 3 : 1

describe(`a cluster on NATS, ${replicas} servers`, { skip, concurrency: 2 }, () => {
  let servers: Promise<NatsServers> | undefined
  let clusters = 0
  after(async () => (await servers)?.stop())
  defineScenarios({
    test: it,
    count: effort === 'full' ? 1000 : 100,
    engine: async () => {
      servers ??= NatsServers.start(replicas)
      return natsCluster({ servers: (await servers).urls, replicas, prefix: `test${++clusters}` })
    },
  })
})
