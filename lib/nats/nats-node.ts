/**
 * One connected node of a cluster on NATS: implements the contract with the parts of this folder. Owns the order of
 * closing.
 */
import type {
  Claim,
  ClusterDurability,
  ClusterNode,
  ClusterStats,
  ClusterWrite,
  Group,
  GroupHandler,
  Lease,
  LogCursor,
  LogEntry,
  LogPosition,
  StoredClient,
} from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'
import { AnaxError } from '../index.js'
import { NatsGroup } from './group.js'
import type { ClientRecords } from './log/record-loader.js'
import { joinParts } from './log/record-parts.js'
import { clearRetained } from './log/retained-clearing.js'
import { StoredClients } from './log/stored-clients.js'
import { recordsOf, removal } from './log/writes.js'
import { dropFences, type NodeParts } from './node-parts.js'
import type { HeldClaim } from './nodes/claims.js'
import { HEAD_BYTES } from './wire/message-bytes.js'
import { clusterError, maxBodyBytes } from './wire/wire.js'

export class NatsNode implements ClusterNode {
  readonly node: string
  readonly description: string
  readonly durability: ClusterDurability
  readonly shards: number
  readonly maxMessageBytes: number
  readonly logMs: number
  readonly #parts: NodeParts
  readonly #groups = new Set<NatsGroup>()
  #writeMs = 0
  #writes = { count: 0, ms: 0 }
  readonly #sequences: number[]
  #hasLeft = false

  constructor(parts: NodeParts) {
    const { self, options, nc } = parts
    this.#parts = parts
    this.node = self.node
    this.shards = options.shards
    this.logMs = options.logSeconds * 1000
    this.durability = options.replicas === 1 ? 'single' : options.sync === 'always' ? 'quorum-sync' : 'quorum'
    this.description = `NATS ${nc.info?.version}, ${options.replicas} replicas, ${options.shards} shards`
    this.maxMessageBytes = maxBodyBytes(nc) - HEAD_BYTES
    this.#sequences = parts.shards.map(() => 0)
  }

  get lease(): Lease {
    return this.#parts.lease
  }

  claim(clientId: string, giveUp: Pick<AbortController, 'signal'>): Promise<Claim> {
    return this.#parts.claims.claim(clientId, giveUp)
  }

  claimIfFree(clientId: string): Promise<Claim | undefined> {
    return this.#parts.claims.claimIfFree(clientId)
  }

  async release(claim: Claim, end: 'keep' | 'forget', write: ClusterWrite = {}): Promise<void> {
    const { claims, writers } = this.#parts
    if (!claims.isHeld(claim)) return
    const { clientId, shard } = claim as HeldClaim
    // what is forgotten need not be written before
    const { message } = write
    const last = end === 'keep' ? write : message === undefined ? {} : { message }
    const records = [...this.#recordsOf(claim, last)]
    if (end === 'forget') {
      const { subjects } = this.#parts.shards[shard]!
      const stored = await this.#stored(claim)
      for (const name of stored.keys()) records.push(removal(subjects.record(clientId, name)))
      records.push(removal(subjects.deadline(clientId)))
    }
    records.push(claims.freed(claim as HeldClaim))
    // later requests have to wait until the claim is free
    claims.forget(claim)
    const writer = writers[shard]!
    while (records.length > MAX_AT_ONCE) await writer.write(records.splice(0, MAX_AT_ONCE))
    await writer.write(records)
  }

  async load(claim: Claim): Promise<ReadonlyMap<string, Uint8Array>> {
    return joinParts(await this.#stored(claim), (claim as HeldClaim).partCounts)
  }

  /** The stored records, some of them in several parts. */
  #stored(claim: Claim): Promise<ClientRecords> {
    const { clientId, token, shard } = claim as HeldClaim
    // a replica that has the claim also has everything that the previous owner wrote
    return this.#parts.loaders[shard]!.load(clientId, token)
  }

  async *stored(): AsyncGenerator<StoredClient> {
    const { patience, wire, log, shards } = this.#parts
    for (const [shard, { stream, subjects }] of shards.entries()) {
      const clients = new StoredClients({ wire, log, shard, stream, subjects })
      for (;;) {
        const some = await patience.answered(() => clients.next())
        if (some === undefined) break
        yield* some
      }
    }
  }

  async write(claim: Claim | undefined, write: ClusterWrite): Promise<LogPosition | undefined> {
    if (claim !== undefined && !this.#parts.claims.isHeld(claim)) {
      throw new AnaxError('ANAX_ERR_FENCED', { detail: `the claim of ${claim.clientId} is not held any more` })
    }
    const shard = this.#shardOf(claim, write.message?.clientId)
    const records = this.#recordsOf(claim, write)
    if (records.length === 0) return undefined
    const first = await this.#parts.writers[shard]!.write(records)
    const { message } = write
    if (first === undefined || message === undefined) return undefined
    // the retained message is written right after it
    if (message.retain && message.payload.length === 0) this.#clear(message.topic, { shard, sequence: first + 1 })
    return { shard, sequence: first }
  }

  signal(message: Message): void {
    this.#parts.signals.send(message)
  }

  async want(filter: string): Promise<LogCursor> {
    try {
      return await this.#parts.interest.want(filter)
    } catch (error) {
      throw clusterError(error)
    }
  }

  unwant(filter: string): void {
    this.#parts.interest.unwant(filter)
  }

  async ends(): Promise<LogCursor> {
    const { patience, ends } = this.#parts
    return await patience.answered(() => ends.read())
  }

  async *read(filters: readonly string[], after: LogCursor, upTo?: LogCursor): AsyncGenerator<LogEntry> {
    const ends = upTo ?? (await this.ends())
    const shards = ends.flatMap((end, shard) => {
      const from = after[shard] ?? 0
      return end > from ? [this.#readShard(shard, filters, from, end)] : []
    })
    // most have no message: all are asked concurrently
    const firsts = shards.map(entries => entries.next())
    for (const first of firsts) first.catch(() => {})
    for (const [index, entries] of shards.entries()) {
      const first = await firsts[index]!
      if (first.done === true) continue
      yield first.value
      yield* entries
    }
  }

  /** Goes on after the last message if the engine stops to answer meanwhile. */
  async *#readShard(shard: number, filters: readonly string[], after: number, end: number): AsyncGenerator<LogEntry> {
    const { patience, log } = this.#parts
    let from = after
    let entries = log.read(shard, filters, from, end)
    const next = async () => {
      try {
        return await entries.next()
      } catch (error) {
        // a generator that has thrown is over
        entries = log.read(shard, filters, from, end)
        throw error
      }
    }
    for (;;) {
      const { done, value } = await patience.answered(next)
      if (done === true) return
      yield value
      from = value.position.sequence
    }
  }

  async entry(position: LogPosition): Promise<LogEntry | undefined> {
    const { patience, log } = this.#parts
    return await patience.answered(() => log.entry(position))
  }

  async begins(): Promise<LogCursor> {
    const { patience, log, shards } = this.#parts
    return await Promise.all(shards.map((_, shard) => patience.answered(() => log.begin(shard))))
  }

  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    const { patience, log } = this.#parts
    yield* await patience.answered(() => log.retained(filters))
  }

  async joinGroup(share: string, take: GroupHandler): Promise<Group> {
    const { nc, wire, manager, client, options, shards, events, patience } = this.#parts
    const failed = (error: Error) => events.failed(error)
    const { prefix } = options
    const group = new NatsGroup(share, take, { nc, wire, patience, manager, client, shards, failed, prefix })
    this.#groups.add(group)
    try {
      await group.join()
      return {
        leave: async () => {
          if (this.#groups.delete(group)) await group.leave()
        },
      }
    } catch (error) {
      throw clusterError(error)
    }
  }

  stats(): ClusterStats {
    const { membership, lease, claims, writers, readers } = this.#parts
    return {
      nodes: membership.nodes.map(node => ({ node, isSelf: node === this.node })),
      leaseMsLeft: lease.msLeft,
      claims: claims.size,
      shards: writers.map(({ pending }, shard) => ({
        sequence: this.#sequences[shard]!,
        pendingWrites: pending,
        lag: readers[shard]!.lag,
      })),
      writeMs: this.#writeMs,
      writes: { ...this.#writes },
      refusedWrites: writers.reduce((sum, { refused }) => sum + refused, 0),
    }
  }

  async leave(): Promise<void> {
    if (this.#hasLeft) return
    this.#hasLeft = true
    const { membership, nodeWatch, deadlines, interest, signals, readers, lease, nc } = this.#parts
    const ended = [...this.#groups].map(group => group.leave())
    membership.stop()
    nodeWatch.stop()
    interest.stop()
    signals.stop()
    for (const shard of deadlines) shard.stop()
    await Promise.allSettled([...ended, ...readers.map(reader => reader.stop())])
    // if it has not left by itself, the others fence it
    if (await lease.leave().catch(() => false)) await dropFences(this.#parts).catch(() => {})
    await nc.close()
  }

  /** Notes the end of a shard. */
  noteSequence(shard: number, sequence: number): void {
    this.#sequences[shard] = Math.max(this.#sequences[shard]!, sequence)
  }

  /** Notes the duration of a write. */
  noteWrite(shard: number, sequence: number, ms: number): void {
    this.#writeMs = Math.round(ms * 10) / 10
    this.#writes.count++
    this.#writes.ms += ms
    this.noteSequence(shard, sequence)
  }

  #clear(topic: string, by: LogPosition): void {
    const { wire, shards, events } = this.#parts
    clearRetained(wire, shards, topic, by).catch(error => events.failed(clusterError(error)))
  }

  #shardOf(claim: Claim | undefined, clientId: string | undefined = this.node): number {
    return this.#parts.shardOf(claim?.clientId ?? clientId)
  }

  #recordsOf(claim: Claim | undefined, write: ClusterWrite) {
    const { nc, options, shards } = this.#parts
    const { subjects } = shards[this.#shardOf(claim, write.message?.clientId)]!
    return recordsOf(write, {
      subjects,
      clientId: claim?.clientId,
      logSeconds: options.logSeconds,
      maxBodyBytes: maxBodyBytes(nc),
      partCounts: (claim as HeldClaim | undefined)?.partCounts ?? NO_PARTS,
    })
  }
}

const NO_PARTS = new Map<string, number>()

/** Maximum number of records that are removed in one step. */
const MAX_AT_ONCE = 400
