/**
 * One node of a cluster in memory: implements the contract on the engine's shared state. Owns its lease and its
 * filters.
 */
import type {
  Claim,
  ClusterStats,
  ClusterWrite,
  Group,
  GroupHandler,
  JoinRequest,
  Lease,
  LogCursor,
  LogEntry,
  LogPosition,
  MembershipChange,
  StoredClient,
} from '../../../../types/cluster.js'
import type { Message } from '../../../../types/message/message.js'
import { AnaxError } from '../../../errors.js'
import { filterMatches } from '../../../topic/topic.js'
import type { MemoryEngine, MemoryPeer } from './memory-engine.js'
import { MemoryLease } from './memory-lease.js'
import { copyOf, type MemoryShard } from './memory-shard.js'

export class MemoryNode implements MemoryPeer {
  readonly node: string
  readonly description = 'memory of this process'
  readonly durability = 'memory'
  readonly maxMessageBytes = 268_435_455
  readonly logMs: number
  readonly isGuest: boolean
  readonly #cluster: MemoryEngine
  readonly #request: JoinRequest
  readonly #lease: MemoryLease
  readonly #wanted = new Map<string, number>()
  readonly #held = new Map<string, number>()
  /** The pending delivery of each shard. */
  readonly #delivery: Promise<void>[] = []
  /** The number of waiting messages, by shard. */
  readonly #lag: number[] = []
  /** Clients whose deadlines it has been notified of. */
  readonly #keeps = new Set<string>()
  /** Writes of this node, in the order of the calls. */
  readonly #order: Promise<unknown>[] = []
  #pending = 0
  #refused = 0
  #writes = 0

  constructor(cluster: MemoryEngine, request: JoinRequest) {
    this.node = request.node
    this.isGuest = request.purpose !== undefined
    this.logMs = cluster.logMs
    this.#cluster = cluster
    this.#request = request
    const isReachable = () => cluster.isReachable(this)
    this.#lease = new MemoryLease(request.leaseMs, cluster.clock, isReachable, () => cluster.remove(this, 'lost'))
  }

  get shards(): number {
    return this.#cluster.shards.length
  }

  get lease(): Lease {
    return this.#lease
  }

  claim(clientId: string, { signal }: Pick<AbortController, 'signal'>): Promise<Claim> {
    return this.#claim(clientId, signal, false)
  }

  async #claim(clientId: string, signal: AbortSignal, isCaretaker: boolean): Promise<Claim> {
    const shard = this.#cluster.shardOf(clientId)
    let previous: string | undefined
    for (;;) {
      await this.#reach()
      if (signal.aborted) throw new AnaxError('ANAX_ERR_CLUSTER', { detail: 'given up', cause: signal.reason })
      const before = shard.claims.get(clientId)
      const name = before?.node
      const owner = name && this.#cluster.nodes.get(name.node)
      if (owner === undefined || owner === this || owner !== name) {
        const token = shard.next()
        const wasInUse = name !== undefined && name !== this && before?.isCaretaker !== true
        shard.claims.set(clientId, { node: this, token, isCaretaker: isCaretaker && !wasInUse })
        this.#held.set(clientId, token)
        return { clientId, token, previous: previous ?? (name === this ? undefined : name?.node), wasInUse }
      }
      previous = owner.node
      await abortable(Promise.race([owner.askToLetGo(clientId), later(20)]), signal)
    }
  }

  async claimIfFree(clientId: string): Promise<Claim | undefined> {
    await this.#reach()
    const { node, isCaretaker } = this.#cluster.shardOf(clientId).claims.get(clientId) ?? {}
    const isAlive = node !== undefined && this.#cluster.nodes.get(node.node) === node
    if (isAlive && (node === this || isCaretaker !== true)) return undefined
    return await this.#claim(clientId, new AbortController().signal, true)
  }

  async release(claim: Claim, end: 'keep' | 'forget', write: ClusterWrite = {}): Promise<void> {
    const { clientId, token } = claim
    if (this.#held.get(clientId) !== token) return
    const written = this.#inOrder(clientId, shard => {
      this.#apply(shard, clientId, write)
      if (end === 'forget') {
        shard.records.delete(clientId)
        this.#setDeadline(shard, clientId, undefined)
      }
      shard.claims.set(clientId, { node: undefined, token })
    })
    this.#held.delete(clientId)
    await written
  }

  async load({ clientId }: Claim): Promise<ReadonlyMap<string, Uint8Array>> {
    await this.#reach()
    return new Map(this.#cluster.shardOf(clientId).records.get(clientId))
  }

  async *stored(): AsyncGenerator<StoredClient> {
    await this.#reach()
    for (const { records, claims } of this.#cluster.shards) {
      for (const [clientId, stored] of [...records]) {
        const { node, isCaretaker } = claims.get(clientId) ?? {}
        const isInUse = node !== undefined && isCaretaker !== true
        if (stored.size > 0) yield { clientId, records: new Map(stored), isInUse }
      }
    }
  }

  async write(claim: Claim | undefined, write: ClusterWrite): Promise<LogPosition | undefined> {
    if (claim !== undefined && this.#held.get(claim.clientId) !== claim.token) {
      throw new AnaxError('ANAX_ERR_FENCED', { detail: `the claim of ${claim.clientId} is not held any more` })
    }
    const clientId = claim?.clientId ?? write.message?.clientId ?? this.node
    // the caller may change it from now on
    const own = write.message === undefined ? write : { ...write, message: copyOf(write.message) }
    return await this.#inOrder(clientId, shard => this.#apply(shard, claim?.clientId, own))
  }

  signal(message: Message): void {
    if (!this.#cluster.isReachable(this)) return
    for (const node of this.#cluster.nodes.values()) {
      if (node !== this) node.hearSignal(message)
    }
    this.#cluster.groups.signal(message)
  }

  async want(filter: string): Promise<LogCursor> {
    this.#wanted.set(filter, (this.#wanted.get(filter) ?? 0) + 1)
    await this.#reach()
    return this.#ends()
  }

  unwant(filter: string): void {
    const count = this.#wanted.get(filter) ?? 0
    if (count > 1) this.#wanted.set(filter, count - 1)
    else this.#wanted.delete(filter)
  }

  async ends(): Promise<LogCursor> {
    await this.#reach()
    return this.#ends()
  }

  async begins(): Promise<LogCursor> {
    await this.#reach()
    return this.#cluster.shards.map(({ log }) => (log[0]?.position.sequence ?? 1) - 1)
  }

  async entry({ shard, sequence }: LogPosition): Promise<LogEntry | undefined> {
    await this.#reach()
    const found = this.#cluster.shards[shard]?.log.find(({ position }) => position.sequence === sequence)
    return found && { position: found.position, message: copyOf(found.message) }
  }

  async *read(filters: readonly string[], after: LogCursor, upTo?: LogCursor): AsyncGenerator<LogEntry> {
    await this.#reach()
    const ends = upTo ?? this.#ends()
    for (const { log, index } of this.#cluster.shards) {
      const from = after[index] ?? 0
      for (const { position, message } of [...log]) {
        if (position.sequence <= from || position.sequence > ends[index]! || this.#isExpired(message)) continue
        if (filters.some(filter => filterMatches(filter, message.topic))) yield { position, message: copyOf(message) }
      }
    }
  }

  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    await this.#reach()
    for (const message of [...this.#cluster.retained.values()]) {
      if (!this.#isExpired(message) && filters.some(filter => filterMatches(filter, message.topic)))
        yield copyOf(message)
    }
  }

  async joinGroup(share: string, take: GroupHandler): Promise<Group> {
    await this.#reach()
    return this.#cluster.groups.join(this, share, take)
  }

  stats(): ClusterStats {
    return {
      nodes: this.#nodes().map(node => ({ node, isSelf: node === this.node })),
      leaseMsLeft: this.#lease.msLeft,
      claims: this.#held.size,
      shards: this.#cluster.shards.map(({ end, index }) => ({
        sequence: end,
        pendingWrites: this.#pending,
        lag: this.#lag[index] ?? 0,
      })),
      writeMs: this.#cluster.latencyMs,
      writes: { count: this.#writes, ms: this.#writes * this.#cluster.latencyMs },
      refusedWrites: this.#refused,
    }
  }

  leave(): Promise<void> {
    this.#lease.stop()
    this.#cluster.groups.leave(this)
    this.#cluster.remove(this, 'left')
    return Promise.resolve()
  }

  /** Called when another node has joined or left. */
  hear(node: string, change: MembershipChange['change']): void {
    this.#request.events.membership({ node, change })
  }

  /** Called when another process has taken the name. */
  replaced(): void {
    this.#lease.lose('another process has the name of this node')
    this.#cluster.groups.leave(this)
  }

  processDue(clientId: string, at: number | undefined): void {
    if (at === undefined && !this.#keeps.delete(clientId)) return
    if (at !== undefined) this.#keeps.add(clientId)
    this.#request.events.deadline(clientId, at)
  }

  adopt(clientId: string): void {
    this.#request.events.orphan(clientId)
  }

  /**
   * Asks the node to release a client. Resolves when it has, or if it does not hold the client; never for a node that
   * is cut off.
   */
  async askToLetGo(clientId: string): Promise<void> {
    await this.#cluster.reach(this)
    if (this.#held.has(clientId)) await this.#request.events.letGo(clientId)
  }

  /** Called for a message of the log. */
  bring(entry: LogEntry): void {
    if (!this.#wants(entry.message.topic)) return
    const { shard } = entry.position
    const own = { position: entry.position, message: copyOf(entry.message) }
    const before = this.#delivery[shard] ?? Promise.resolve()
    this.#lag[shard] = (this.#lag[shard] ?? 0) + 1
    this.#delivery[shard] = before
      .then(() => this.#cluster.reach(this))
      .then(() => {
        this.#lag[shard]!--
        return this.#request.events.message(own)
      })
  }

  hearSignal(message: Message): void {
    if (this.#wants(message.topic)) setImmediate(() => this.#request.events.signal(copyOf(message)))
  }

  #isExpired({ messageExpiry }: Message): boolean {
    return messageExpiry !== undefined && messageExpiry <= this.#cluster.clock.now()
  }

  #wants(topic: string): boolean {
    return [...this.#wanted.keys()].some(filter => filterMatches(filter, topic))
  }

  #nodes(): string[] {
    return [...this.#cluster.nodes.values()].flatMap(({ node, isGuest }) => (isGuest ? [] : [node])).sort()
  }

  #ends(): LogCursor {
    return this.#cluster.shards.map(({ end }) => end)
  }

  async #reach(): Promise<void> {
    await Promise.race([this.#cluster.reach(this), this.#lease.lostPromise])
    if (this.#lease.lost.aborted) throw this.#lease.lost.reason
    this.#cluster.checkIsMember(this)
  }

  /** Makes writes of one shard take effect one after the other. */
  #inOrder<T>(clientId: string, effect: (shard: MemoryShard) => T): Promise<T> {
    const shard = this.#cluster.shardOf(clientId)
    this.#pending++
    const write = (this.#order[shard.index] ?? Promise.resolve()).then(async () => {
      try {
        await this.#reach()
        this.#writes++
        return effect(shard)
      } catch (error) {
        this.#refused++
        this.#request.events.refused(1)
        throw error
      } finally {
        this.#pending--
      }
    })
    this.#order[shard.index] = write.catch(() => {})
    return write
  }

  #apply(shard: MemoryShard, clientId: string | undefined, write: ClusterWrite): LogPosition | undefined {
    const { message, records, deadline } = write
    if (clientId !== undefined && records !== undefined) shard.writeRecords(clientId, records)
    if (clientId !== undefined && deadline !== undefined) this.#setDeadline(shard, clientId, deadline.at)
    if (message === undefined) return undefined
    const entry = shard.append(message)
    if (message.retain) this.#cluster.retain(entry.message)
    for (const node of this.#cluster.nodes.values()) node.bring(entry)
    this.#cluster.groups.bring(entry)
    return entry.position
  }

  #setDeadline(shard: MemoryShard, clientId: string, at: number | undefined): void {
    if (at === undefined) shard.deadlines.delete(clientId)
    else shard.deadlines.set(clientId, at)
    this.#cluster.keeperOf(clientId)?.processDue(clientId, at)
  }
}

function later(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
