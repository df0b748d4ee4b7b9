/**
 * How large a cluster has to be: nodes, shards and servers for so many clients, from measured costs, and what breaks
 * first.
 *
 *   node scripts/cluster-model.mjs                                   a table, up to 10 million clients
 *   node scripts/cluster-model.mjs --clients 2e6 --every 30          2 million, each publishes every 30 seconds
 *
 * Options: --clients, --every (seconds between two messages of a client), --fanout (receivers of a message), --bytes
 * (of a message), --storm (seconds within which all clients are to be back), --load (the part of a processor that is
 * used).
 */
import { parseArgs } from 'node:util'

/**
 * Microseconds of one processor core, and KiB, on the machine of docs/scale/cluster.md: npm run test:cluster -- 12.
 * Three servers together, three replicas.
 */
const COSTS = {
  publisherNodeUs: 21,
  subscriberNodeUs: 24,
  serverUs: 34,
  connectNodeUs: 940,
  connectServerUs: 875,
  clientKib: 22,
}

/** Of the servers' time, what the leader of a shard has: it receives, stores, replicates and delivers. */
const LEADER_PART = 0.6
const REPLICAS = 3
/** More clients than this in one process are more garbage collection than work: a choice, not a measurement. */
const CLIENTS_PER_NODE = 50_000
/** Options and defaults of natsCluster: 64 shards at most. */
const MAX_SHARDS = 64
/**
 * Each node has one consumer in each shard that it wants something of. How many a server carries is assumed, not
 * measured.
 */
const MAX_CONSUMERS = 5000
/** A network of 10 Gbit/s, half used. */
const NETWORK_BYTES = 625_000_000
/** Head, headers and acknowledgement of a message between servers. */
const OVERHEAD_BYTES = 300

const { values } = parseArgs({
  options: {
    clients: { type: 'string' },
    every: { type: 'string', default: '10' },
    fanout: { type: 'string', default: '1' },
    bytes: { type: 'string', default: '100' },
    storm: { type: 'string', default: '300' },
    load: { type: 'string', default: '0.6' },
  },
})
const [every, fanout, bytes, storm, load] = ['every', 'fanout', 'bytes', 'storm', 'load'].map(name => {
  const value = Number(values[name])
  if (!(value > 0)) {
    console.error(`--${name} has to be a number above 0`)
    process.exit(2)
  }
  return value
})
if (values.clients !== undefined && !(Number(values.clients) > 0)) {
  console.error('--clients has to be a number above 0')
  process.exit(2)
}
const sizes = values.clients === undefined ? [1e4, 1e5, 1e6, 1e7] : [Number(values.clients)]
console.log(
  `a message every ${every} s, ${fanout} receivers, ${bytes} bytes; all back within ${storm} s; ${load * 100} % of a core`,
)
console.table(sizes.map(model))

function model(clients) {
  const perSecond = clients / every
  const connectsPerSecond = clients / storm
  const nodeUs = perSecond * (COSTS.publisherNodeUs + fanout * COSTS.subscriberNodeUs)
  const cores = us => us / (1e6 * load)
  const nodes = Math.ceil(
    Math.max(clients / CLIENTS_PER_NODE, cores(nodeUs), cores(connectsPerSecond * COSTS.connectNodeUs)),
  )
  const leaderUs = Math.max(perSecond * COSTS.serverUs, connectsPerSecond * COSTS.connectServerUs) * LEADER_PART
  const shards = Math.max(4, Math.ceil(cores(leaderUs)))
  const serverCores = Math.ceil(cores(perSecond * COSTS.serverUs))
  const networkBytes = perSecond * (bytes + OVERHEAD_BYTES) * (REPLICAS + fanout)
  return {
    clients,
    'messages/s': Math.round(perSecond),
    'nodes (1 core)': nodes,
    'memory/node MiB': Math.round(((clients / nodes) * COSTS.clientKib) / 1024 + 100),
    shards,
    'server cores': Math.max(REPLICAS, serverCores),
    'Mbit/s': Math.round((networkBytes * 8) / 1e6),
    'breaks first': firstBreak({
      nodes,
      shards,
      networkBytes,
      servers: Math.max(REPLICAS, Math.ceil(serverCores / 8)),
    }),
  }
}

function firstBreak({ nodes, shards, networkBytes, servers }) {
  const uses = [
    ['shards: 64 at most', shards / MAX_SHARDS],
    ['consumers of the servers', (nodes * shards) / (MAX_CONSUMERS * (servers / REPLICAS))],
    ['network of a server', networkBytes / (NETWORK_BYTES * servers)],
  ].sort(([, one], [, other]) => other - one)
  const [what, use] = uses[0]
  return use > 1 ? `${what} (${use.toFixed(1)} times too much)` : `${what}, at ${Math.round(100 * use)} %`
}
