/**
 * Creates the streams of a cluster at the first start, and checks their configuration at every later one. Must not know
 * what is written to them.
 */
import type { JetStreamManager, StreamConfig, StreamUpdateConfig } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { JoinRequest } from '../../types/cluster.js'
import { AnaxError } from '../index.js'
import type { ResolvedNatsOptions } from './options.js'

/** The first version with all needed features: batches with expectations, message TTLs and others. */
const OLDEST = [2, 14] as const
/** Time limit for a cluster of servers to elect a leader at the start. */
const START_MS = 20_000
const PAUSE_MS = 250
/** Looks for a stream that must be there. */
const MAX_LOOKS = 5
/** The error of a server that was started without others. */
const LONE_SERVER = /not supported in non-clustered mode/
const NANOS_PER_SECOND = 1_000_000_000

type WantedStream = Partial<StreamConfig> & { readonly name: string }

/** The names of the streams. */
export interface Streams {
  readonly shards: readonly string[]
  /** The stream with the records of nodes. */
  readonly nodes: string
}

/** @throws AnaxError ANAX_ERR_CLUSTER if the server is too old */
export function checkServer({ info }: NatsConnection): void {
  const [major = 0, minor = 0] = (info?.version ?? '').split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new AnaxError('ANAX_ERR_CLUSTER', {
    detail: `nats-server ${info?.version} is too old, ${OLDEST.join('.')} is needed`,
  })
}

/**
 * @param purpose of joining, if it is not to be a node
 * @throws AnaxError ANAX_ERR_CLUSTER
 */
export async function setUpStreams(
  manager: JetStreamManager,
  options: ResolvedNatsOptions,
  purpose: JoinRequest['purpose'],
): Promise<Streams> {
  const { prefix, shards } = options
  const names = Array.from({ length: shards }, (_, shard) => `${prefix}_${shard}`)
  const nodes = `${prefix}_nodes`
  const until = performance.now() + START_MS
  // it is created last: where it is, all the others are
  const isComplete = (await patiently(until, () => infoOf(manager, nodes))) !== undefined
  if (purpose === 'export' && !isComplete) throw noCluster(prefix)
  const mayCreate = !isComplete
  const mayChange = purpose === undefined
  for (const [shard, name] of names.entries()) {
    const wanted = shardStream(options, name, shard)
    await patiently(until, () => setUpStream(manager, wanted, mayCreate, mayChange))
  }
  await patiently(until, () => setUpStream(manager, nodeStream(options, nodes), true, mayChange))
  return { shards: names, nodes }
}

function noCluster(prefix: string): AnaxError {
  return new AnaxError('ANAX_ERR_CLUSTER', { detail: `there is no cluster with the prefix ${prefix}` })
}

function shardStream(options: ResolvedNatsOptions, name: string, shard: number): WantedStream {
  return {
    ...common(options),
    name,
    subjects: [`${options.prefix}.${shard}.>`],
    allow_atomic: true,
    max_bytes: options.maxShardBytes,
    // acknowledged messages stay: further ones are refused
    discard: 'new',
  }
}

function nodeStream(options: ResolvedNatsOptions, name: string): WantedStream {
  return { ...common(options), name, subjects: [`${options.prefix}.node.>`] }
}

function common({ prefix, replicas, shards }: ResolvedNatsOptions): Partial<StreamConfig> {
  return {
    num_replicas: replicas,
    storage: 'file',
    retention: 'limits',
    allow_direct: true,
    allow_rollup_hdrs: true,
    allow_msg_ttl: true,
    duplicate_window: 120 * NANOS_PER_SECOND,
    metadata: { anax: '1', prefix, shards: String(shards) },
  }
}

/** Retries, because a cluster that is starting has no leader yet. */
async function patiently<Result>(until: number, operation: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await operation()
    } catch (error) {
      if (error instanceof AnaxError || performance.now() > until) throw error
    }
    await pause()
  }
}

async function setUpStream(
  manager: JetStreamManager,
  wanted: WantedStream,
  mayCreate: boolean,
  mayChange: boolean,
): Promise<void> {
  try {
    const found = await (mayCreate ? infoOf(manager, wanted.name) : surelyInfoOf(manager, wanted.name))
    if (found === undefined) await manager.streams.add(wanted)
    else await adapt(manager, found, wanted, mayChange)
  } catch (error) {
    if (error instanceof Error && LONE_SERVER.test(error.message)) throw loneServer(wanted)
    throw error
  }
}

async function infoOf(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  const info = await manager.streams.info(name).catch(notFound)
  return info?.config
}

/**
 * A stream that must be there. To create it anew would be wrong: sessions have positions in it, and would miss what is
 * written next.
 */
async function surelyInfoOf(manager: JetStreamManager, name: string): Promise<StreamConfig> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const found = await infoOf(manager, name)
    if (found !== undefined) return found
    // a server that has just started may not know all streams
    await pause()
  }
  throw new AnaxError('ANAX_ERR_CLUSTER', {
    detail: `the stream ${name} is missing: restore all streams of the same backup, or delete all to begin anew`,
  })
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, PAUSE_MS))
}

/** No other server will come: it was not started as one of several. */
function loneServer({ num_replicas }: Partial<StreamConfig>): AnaxError {
  const detail = `${num_replicas} replicas need a cluster of ${num_replicas} servers of NATS, and this server is alone: start it as one of them, or choose 1 replica`
  return new AnaxError('ANAX_ERR_CLUSTER', { detail })
}

function notFound(error: Error): undefined {
  if (/stream not found/.test(error.message)) return undefined
  throw error
}

/** Applies the changes that are allowed, and refuses the others. */
async function adapt(
  manager: JetStreamManager,
  found: StreamConfig,
  wanted: WantedStream,
  mayChange: boolean,
): Promise<void> {
  const { name } = wanted
  const shards = found.metadata?.shards
  if (shards !== wanted.metadata?.shards) {
    const detail =
      shards === undefined
        ? `the stream ${name} is there already, and is not of Anax: choose another prefix`
        : `the stream ${name} was made for ${shards} shards, not ${wanted.metadata?.shards}`
    throw new AnaxError('ANAX_ERR_CLUSTER', { detail })
  }
  if (!mayChange) return
  const keys = [
    'num_replicas',
    'max_bytes',
    'allow_direct',
    'allow_rollup_hdrs',
    'allow_msg_ttl',
    'allow_atomic',
  ] as const
  const different = keys.filter(key => wanted[key] !== undefined && wanted[key] !== found[key])
  if (different.length === 0) return
  const change: Partial<StreamUpdateConfig> = { ...found }
  for (const key of different) Object.assign(change, { [key]: wanted[key] })
  await manager.streams.update(name, change)
}
