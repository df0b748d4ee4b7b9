/**
 * A cluster engine in the memory of one process, for tests of applications and of the broker. Owns the state that the
 * nodes share, and faults on request; must not know a broker.
 */
import type { Clock } from '../../../../types/clock.js'
import type { Cluster, ClusterNode, JoinRequest, MembershipChange } from '../../../../types/cluster.js'
import type { Message } from '../../../../types/message/message.js'
import { systemClock } from '../../../broker/options.js'
import { AnaxError } from '../../../errors.js'
import type { MemoryEngine, MemoryPeer } from './memory-engine.js'
import { MemoryGroups } from './memory-groups.js'
import { MemoryNode } from './memory-node.js'
import { MemoryShard } from './memory-shard.js'

/** Options of a cluster in memory. */
export interface MemoryClusterOptions {
  /** Shards of the log. @default 4 */
  shards?: number
  /** Duration of each write and read, in milliseconds. @default 0, the next turn of the event loop */
  latencyMs?: number
  /** How long the log keeps a message, in milliseconds. @default Infinity */
  logMs?: number
  /** The source of time of leases and of the log: the same as that of the brokers. @default the system clock */
  clock?: Clock
}

/** The state that all nodes of a cluster in memory share. */
export class MemoryCluster implements Cluster, MemoryEngine {
  readonly shards: readonly MemoryShard[]
  readonly clock: Clock
  readonly latencyMs: number
  readonly logMs: number
  /** Topic -> the latest retained message. */
  readonly retained = new Map<string, Message>()
  /** Name -> node. */
  readonly nodes = new Map<string, MemoryPeer>()
  readonly groups = new MemoryGroups(node => this.isReachable(node))
  readonly #cut = new Set<ClusterNode>()
  /** Callbacks for when the engine is up again, or a node is gone. */
  #waiting: (() => void)[] = []
  #isDown = false

  constructor(options: MemoryClusterOptions = {}) {
    const { shards = 4, latencyMs = 0, logMs = Number.POSITIVE_INFINITY, clock = systemClock } = options
    this.shards = Array.from({ length: shards }, (_, index) => new MemoryShard(index, logMs, clock))
    this.clock = clock
    this.logMs = logMs
    this.latencyMs = latencyMs
  }

  async join(request: JoinRequest): Promise<ClusterNode> {
    await this.reach(undefined)
    await this.#waitForNamesake(request)
    const before = this.nodes.get(request.node)
    const node = new MemoryNode(this, request)
    this.nodes.set(request.node, node)
    before?.replaced()
    if (before !== undefined) this.#tell(before, 'lost')
    this.#tell(node, 'joined')
    this.repartition()
    return node
  }

  /** Waits until no live node has the name. Rejects with ANAX_ERR_CLUSTER if one has after the duration of a lease. */
  async #waitForNamesake({ node, leaseMs, events }: JoinRequest): Promise<void> {
    const isThere = () => {
      const before = this.nodes.get(node)
      return before?.lease.isValid === true && this.isReachable(before)
    }
    if (!isThere()) return
    const error = new AnaxError('ANAX_ERR_CLUSTER', {
      detail: `another broker is the node ${node}: each needs its own id`,
    })
    events.failed(error)
    const { clock } = this
    let isOver = false
    const timer = clock.setTimeout(() => {
      isOver = true
      this.#wake()
    }, leaseMs)
    while (!isOver && isThere()) await new Promise<void>(resolve => this.#waiting.push(resolve))
    clock.clearTimeout(timer)
    if (isThere()) throw error
  }

  /** Disconnects a node: its requests wait, and its lease ends. */
  cut(node: ClusterNode): void {
    this.#cut.add(node)
    this.#wake()
  }

  /** Lets a node reach the engine again. */
  heal(node: ClusterNode): void {
    this.#cut.delete(node)
    this.#wake()
  }

  /** The engine does not answer until {@link up}. */
  down(): void {
    this.#isDown = true
  }

  up(): void {
    this.#isDown = false
    this.#wake()
  }

  /** Whether a node can reach the engine now. */
  isReachable(node: ClusterNode | undefined): boolean {
    return !this.#isDown && (node === undefined || !this.#cut.has(node))
  }

  /** Waits until the engine can be reached, and for the latency. */
  async reach(node: ClusterNode | undefined): Promise<void> {
    await this.#pause()
    while (!this.isReachable(node)) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** Called when a node has failed or left. */
  remove(node: MemoryPeer, change: 'left' | 'lost'): void {
    if (this.nodes.get(node.node) !== node) return
    this.nodes.delete(node.node)
    this.groups.leave(node)
    this.#wake()
    this.#tell(node, change)
    this.repartition()
  }

  /** @throws AnaxError ANAX_ERR_FENCED if the name belongs to another node, or to none */
  checkIsMember(node: MemoryPeer): void {
    if (this.nodes.get(node.node) === node) return
    throw new AnaxError('ANAX_ERR_FENCED', { detail: 'another node has taken over from this one' })
  }

  retain(message: Message): void {
    if (message.payload.length === 0) this.retained.delete(message.topic)
    else this.retained.set(message.topic, message)
  }

  /** The node that takes care of a disconnected client. */
  keeperOf(clientId: string): MemoryPeer | undefined {
    const keepers = [...this.nodes.values()].filter(({ isGuest }) => !isGuest)
    keepers.sort((one, other) => (one.node < other.node ? -1 : 1))
    return keepers[hash(clientId) % keepers.length]
  }

  shardOf(clientId: string): MemoryShard {
    return this.shards[hash(clientId) % this.shards.length]!
  }

  /** Notifies each node of the clients that it takes care of. */
  repartition(): void {
    for (const shard of this.shards) {
      for (const [clientId, at] of shard.deadlines) {
        const keeper = this.keeperOf(clientId)
        for (const node of this.nodes.values()) node.processDue(clientId, node === keeper ? at : undefined)
      }
      for (const [clientId, { node }] of shard.claims) {
        if (node !== undefined && this.nodes.get(node.node) !== node) this.keeperOf(clientId)?.adopt(clientId)
      }
    }
  }

  /** Tells the other nodes of one. */
  #tell(changed: MemoryPeer, change: MembershipChange['change']): void {
    if (changed.isGuest) return
    for (const [name, node] of this.nodes) if (name !== changed.node) node.hear(changed.node, change)
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #pause(): Promise<void> {
    return new Promise(resolve => {
      if (this.latencyMs > 0) setTimeout(resolve, this.latencyMs)
      else setImmediate(resolve)
    })
  }
}

function hash(text: string): number {
  let value = 0
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, 31) + text.charCodeAt(i)) | 0
  return value >>> 0
}
