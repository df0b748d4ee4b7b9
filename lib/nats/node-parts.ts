/** Creates the parts of a node on NATS and connects them. Owns which part knows which. */
import { randomUUID } from 'node:crypto'
import type { JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { ClusterEvents, JoinRequest } from '../../types/cluster.js'
import { LogEnds } from './log/log-ends.js'
import { LogReader } from './log/log-reader.js'
import { NodeInterest } from './log/node-interest.js'
import { RecordLoader } from './log/record-loader.js'
import { ShardReader } from './log/shard-reader.js'
import { ShardWriter } from './log/shard-writer.js'
import { Claims } from './nodes/claims.js'
import { ClockCheck } from './nodes/clock-check.js'
import { Deadlines } from './nodes/deadlines.js'
import { ENDED_SECONDS, NatsLease } from './nodes/lease.js'
import { Membership } from './nodes/membership.js'
import { NodeWatch } from './nodes/node-watch.js'
import type { ResolvedNatsOptions } from './options.js'
import type { Streams } from './setup.js'
import { Signals } from './signals.js'
import { messageFrom } from './wire/message-bytes.js'
import { Patience } from './wire/patience.js'
import { ShardSubjects, shardOf, topicOf } from './wire/subjects.js'
import type { Wire } from './wire/wire.js'

/** A shard of the log. */
export interface Shard {
  readonly stream: string
  readonly subjects: ShardSubjects
  /** The subject of this node's fence, which always has a message. */
  readonly anchor: string
  /** The sequence of the fence. */
  readonly fence: number
}

/** The parts that exist before a node does. */
export interface Foundation {
  readonly nc: NatsConnection
  readonly wire: Wire
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly options: ResolvedNatsOptions
  readonly streams: Streams
}

/** The reports of the parts to the node. */
export interface NodeNotes {
  noteSequence(shard: number, sequence: number): void
  noteWrite(shard: number, sequence: number, ms: number): void
}

export interface NodeParts extends Foundation {
  readonly self: Identity
  readonly shards: readonly Shard[]
  readonly shardOf: (clientId: string) => number
  readonly events: ClusterEvents
  readonly lease: NatsLease
  readonly patience: Patience
  readonly membership: Membership
  readonly nodeWatch: NodeWatch
  readonly claims: Claims
  readonly log: LogReader
  readonly loaders: readonly RecordLoader[]
  readonly ends: LogEnds
  readonly writers: readonly ShardWriter[]
  readonly readers: readonly ShardReader[]
  readonly deadlines: readonly Deadlines[]
  readonly signals: Signals
  readonly interest: NodeInterest
}

/** A node: its name, and this run of it. */
export interface Identity {
  readonly node: string
  readonly epoch: string
  /** Whether it only imports or exports. */
  readonly isGuest: boolean
}

export function newIdentity({ node, purpose }: Pick<JoinRequest, 'node' | 'purpose'>): Identity {
  return { node, epoch: randomUUID(), isGuest: purpose !== undefined }
}

/** Touches the fences of any earlier process with this name, which can no longer write then. */
export async function raiseFences({ wire, streams, options }: Foundation, self: Identity): Promise<Shard[]> {
  return await Promise.all(
    streams.shards.map(async (stream, shard) => {
      const subjects = new ShardSubjects(options.prefix, shard)
      const anchor = subjects.fence(self.node)
      const record = { subject: anchor, body: Buffer.from(self.epoch), ttl: undefined, replaces: true }
      const { seq } = await wire.write(record, {}, 5000)
      return { stream, subjects, anchor, fence: seq }
    }),
  )
}

/**
 * Gives the fences up, so that they expire: names of nodes may be new each time. Without its fence a node can write
 * nothing, as it expects one with a certain sequence.
 */
export async function dropFences({ wire, shards }: Pick<NodeParts, 'wire' | 'shards'>): Promise<void> {
  await Promise.all(
    shards.map(({ anchor, fence }) => {
      const record = { subject: anchor, body: Buffer.from('left'), ttl: ENDED_SECONDS, replaces: true }
      return wire.write(record, { expect: { subject: anchor, sequence: fence } }, 5000)
    }),
  )
}

/** Creates the parts without starting them. */
export function makeParts(
  foundation: Foundation,
  shards: readonly Shard[],
  self: Identity,
  { leaseMs, events }: Pick<JoinRequest, 'leaseMs' | 'events'>,
  notes: NodeNotes,
): NodeParts {
  const { nc, wire, manager, client, options, streams } = foundation
  const { prefix } = options
  const failed = (error: Error) => events.failed(error)
  const name = `${prefix}-${self.epoch}`
  const subject = nodeSubject(prefix, self.node)
  const clockCheck = new ClockCheck({
    failed,
    read: () => wire.last(streams.nodes, subject),
    wrong: aheadMs => events.clockWrong(aheadMs),
  })
  const lease = new NatsLease({
    wire,
    failed,
    leaseMs,
    renewed: (before, after) => clockCheck.renewed(before, after),
    stream: streams.nodes,
    subject,
    epoch: self.epoch,
    isGuest: self.isGuest,
  })
  const patience = new Patience(nc, lease.lost)
  const membership = new Membership({
    wire,
    self,
    shards,
    leaseMs,
    failed,
    stream: streams.nodes,
    subjectOf: node => nodeSubject(prefix, node),
    changed: change => events.membership(change),
    repartitioned: () => {
      for (const one of deadlines) one.refresh()
    },
  })
  const nodeWatch = new NodeWatch({
    manager,
    client,
    name,
    membership,
    failed,
    stream: streams.nodes,
    base: nodeSubject(prefix, ''),
  })
  const place = (clientId: string) => shardOf(clientId, options.shards)
  const claims = new Claims({
    wire,
    self,
    shards,
    membership,
    shardOf: place,
    lost: lease.lost,
    requestTo: epoch => controlSubject(prefix, epoch),
  })
  const writers = shards.map(
    ({ stream, anchor, fence }, shard) =>
      new ShardWriter({
        wire,
        stream,
        epoch: self.epoch,
        fence: { subject: anchor, sequence: fence },
        lost: lease.lost,
        fenced: writes => {
          events.refused(writes)
          lease.lose('another node has taken over from this one')
        },
        written: (sequence, ms) => notes.noteWrite(shard, sequence, ms),
      }),
  )
  const readers = shards.map(({ stream, subjects }, shard) => {
    const base = subjects.logOf('').length
    const take = (message: JsMsg) => {
      notes.noteSequence(shard, message.seq)
      ends.brought(shard, message.seq)
      const content = messageFrom(message.data, topicOf(message.subject.slice(base))).message
      return events.message({ position: { shard, sequence: message.seq }, message: content })
    }
    return new ShardReader({ wire, manager, client, stream, name, failed, take, mark: subjects.mark(self.node) })
  })
  const deadlines: Deadlines[] = shards.map(
    ({ stream, subjects }) =>
      new Deadlines({ wire, manager, client, stream, subjects, name, claims, events, mine: () => membership.mine }),
  )
  const signals = new Signals({ nc, prefix, failed, epoch: self.epoch, take: message => events.signal(message) })
  const ends = new LogEnds(wire, shards)
  const interest = new NodeInterest({
    readers,
    signals,
    bases: shards.map(({ subjects }) => subjects.logOf('')),
    ends: () => patience.answered(() => ends.read()),
    flush: () => wire.flush(),
  })
  // not the last message, as for LogEnds: the position also covers messages that this node passed over
  const log = new LogReader(wire, shards, shard => readers[shard]!.position)
  const loaders = shards.map(({ subjects }, shard) => new RecordLoader(log, shard, subjects))
  return {
    ...foundation,
    self,
    shards,
    events,
    lease,
    patience,
    membership,
    nodeWatch,
    claims,
    log,
    loaders,
    ends,
    writers,
    readers,
    deadlines,
    signals,
    interest,
    shardOf: place,
  }
}

/** The subject of requests to release a client. */
export function controlSubject(prefix: string, epoch: string): string {
  return `${prefix}.ctl.${epoch}`
}

/** The subject of a node's record. */
export function nodeSubject(prefix: string, node: string): string {
  return `${prefix}.node.${node}`
}
