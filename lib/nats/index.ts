/**
 * `anax/nats`: several nodes as one broker, on NATS JetStream. Owns joining: connection, checks, streams, lease; and loads the
 * packages of NATS only then.
 */
import type { Cluster, ClusterNode, JoinRequest } from '../../types/cluster.js'
import { AnaxError } from '../index.js'
import { NatsNode } from './nats-node.js'
import {
  controlSubject,
  type Foundation,
  makeParts,
  type NodeParts,
  newIdentity,
  nodeSubject,
  raiseFences,
} from './node-parts.js'
import { NOT_HELD } from './nodes/claims.js'
import { ARE_YOU_THERE, waitForNamesake } from './nodes/namesake.js'
import { type NatsClusterOptions, type ResolvedNatsOptions, resolveOptions } from './options.js'
import { checkServer, setUpStreams } from './setup.js'
import type { Signals } from './signals.js'
import { clusterError, Wire } from './wire/wire.js'

/** How long a node tries to join, and the interval between attempts. */
const START_MS = 15_000
const RETRY_MS = 250
/** Reconnects forever; without stack traces, which cost more than the rest of a request. */
const CONNECTION = { maxReconnectAttempts: -1, reconnectTimeWait: 250, noAsyncTraces: true }

export type { NatsClusterOptions } from './options.js'

/**
 * A cluster on NATS JetStream, for the option `cluster` of `createBroker`. Needs the packages `@nats-io/transport-node` and
 * `@nats-io/jetstream`, and servers from 2.14 on. Connects when the broker does.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function natsCluster(options: NatsClusterOptions = {}): Cluster {
  const resolved = resolveOptions(options)
  return { join: request => join(resolved, request) }
}

async function join(options: ResolvedNatsOptions, request: JoinRequest): Promise<ClusterNode> {
  checkRequest(request)
  const foundation = await connect(options, request.purpose)
  try {
    return await start(foundation, request)
  } catch (error) {
    await foundation.nc.close()
    throw clusterError(error)
  }
}

function checkRequest({ node, leaseMs }: JoinRequest): void {
  if (!/^[\w-]{1,64}$/.test(node)) {
    throw new AnaxError('ANAX_ERR_OPTION', { detail: `a node has a name of 1 to 64 of A-Z a-z 0-9 _ -, got ${node}` })
  }
  if (!(leaseMs >= 500))
    throw new AnaxError('ANAX_ERR_OPTION', { detail: `a lease has 500 ms at least, got ${leaseMs}` })
}

async function connect(options: ResolvedNatsOptions, purpose: JoinRequest['purpose']): Promise<Foundation> {
  const { transport, jetstream } = await load()
  const { connection, servers, domain } = options
  // joining has its own time limit; the connection retries forever
  const nc = await transport.connect({ ...CONNECTION, ...connection, servers }).catch(error => {
    throw clusterError(error, `no connection to ${String(servers)}`)
  })
  try {
    checkServer(nc)
    const wire = new Wire(nc, {
      headers: transport.headers,
      createInbox: () => transport.createInbox(connection.inboxPrefix),
      api: domain === undefined ? '$JS.API' : `$JS.${domain}.API`,
    })
    const place = domain === undefined ? {} : { domain }
    const manager = await jetstream.jetstreamManager(nc, { ...place, checkAPI: false })
    const streams = await setUpStreams(manager, options, purpose)
    return { nc, wire, manager, client: jetstream.jetstream(nc, place), options, streams }
  } catch (error) {
    await nc.close()
    throw clusterError(error)
  }
}

async function start(foundation: Foundation, request: JoinRequest): Promise<ClusterNode> {
  await waitForTurn(foundation, request)
  const self = newIdentity(request)
  const shards = await patiently(() => raiseFences(foundation, self))
  const notes = {
    noteSequence: (shard: number, sequence: number) => node.noteSequence(shard, sequence),
    noteWrite: (shard: number, sequence: number, ms: number) => node.noteWrite(shard, sequence, ms),
  }
  const parts = makeParts(foundation, shards, self, request, notes)
  const node = new NatsNode(parts)
  try {
    answerRequests(parts, request)
    await patiently(() => parts.lease.take())
    watchConnection(foundation, parts.signals).catch(error => request.events.failed(clusterError(error)))
    await parts.nodeWatch.start()
    for (const one of parts.deadlines) one.refresh()
    return node
  } catch (error) {
    await node.leave()
    throw error
  }
}

/** Waits for another process with the name of this node to leave. Rejects with ANAX_ERR_CLUSTER if it stays. */
function waitForTurn({ wire, streams, options }: Foundation, { node, leaseMs, events }: JoinRequest): Promise<void> {
  const { prefix } = options
  return waitForNamesake({
    wire,
    node,
    leaseMs,
    read: () => patiently(() => wire.last(streams.nodes, nodeSubject(prefix, node))),
    requestTo: epoch => controlSubject(prefix, epoch),
    found: error => events.failed(error),
  })
}

/** Retries an operation: a stream that was just created, or whose server has failed, gets a leader soon. */
async function patiently<T>(operation: () => Promise<T>): Promise<T> {
  const until = performance.now() + START_MS
  for (;;) {
    try {
      return await operation()
    } catch (error) {
      if (performance.now() > until) throw error
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

async function watchConnection({ nc }: Foundation, signals: Signals): Promise<void> {
  for await (const { type } of nc.status()) {
    if (type === 'disconnect') signals.isConnected = false
    else if (type === 'reconnect') signals.isConnected = true
  }
}

/** Answers other nodes that claim a client of this node; repeated requests get the same answer. */
function answerRequests({ nc, options, self, claims }: NodeParts, { events }: JoinRequest): void {
  const underWay = new Map<string, Promise<void>>()
  nc.subscribe(controlSubject(options.prefix, self.epoch), {
    callback: (error, request) => {
      if (error) return
      const clientId = request.string()
      if (clientId === ARE_YOU_THERE) {
        request.respond()
        return
      }
      const letting = underWay.get(clientId) ?? events.letGo(clientId).finally(() => underWay.delete(clientId))
      underWay.set(clientId, letting)
      const answer = () => {
        // the other node asks again
        if (!nc.isClosed()) request.respond(claims.isFree(clientId) ? NOT_HELD : undefined)
      }
      letting.then(answer, answer)
    },
  })
}

/** Loaded late: a broker without a cluster does not need them. */
async function load() {
  try {
    const [transport, jetstream] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')])
    return { transport, jetstream }
  } catch (cause) {
    throw new AnaxError('ANAX_ERR_CLUSTER', {
      detail: 'anax/nats needs two packages: npm install @nats-io/transport-node @nats-io/jetstream',
      cause,
    })
  }
}
