/**
 * An engine for clusters in the memory of one process: for the tests of an application, and of the broker. Owns what the nodes
 * share, and faults on request; must not know a broker.
 */
import type { Clock } from '../../../types/clock.js'
import type { Cluster, ClusterNode, JoinRequest } from '../../../types/cluster.js'
import type { Message } from '../../../types/message.js'
import { systemClock } from '../../broker/options.js'
import { AnaxError } from '../../errors.js'
import type { MemoryEngine, MemoryPeer } from './memory-engine.js'
import { MemoryGroups } from './memory-groups.js'
import { MemoryNode } from './memory-node.js'
import { MemoryShard } from './memory-shard.js'

/** How a cluster in memory is to be. */
export interface MemoryClusterOptions {
  /** Shards of the log. @default 4 */
  shards?: number
  /** Milliseconds that each write and read takes. @default 0, the next turn of the event loop */
  latencyMs?: number
  /** Milliseconds that the log keeps a message. @default Infinity */
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
  /** Topic -> the newest message that was retained. */
  readonly retained = new Map<string, Message>()
  /** Name -> the node that has it. */
  readonly nodes = new Map<string, MemoryPeer>()
  readonly groups = new MemoryGroups(node => this.isReachable(node))
  readonly #cut = new Set<ClusterNode>()
  /** While the engine is down: called when it is up again. */
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
    const before = this.nodes.get(request.node)
    const node = new MemoryNode(this, request)
    this.nodes.set(request.node, node)
    before?.replaced()
    for (const other of this.nodes.values()) if (other !== node) other.hear(request.node, before ? 'lost' : 'joined')
    if (before !== undefined)
      for (const other of this.nodes.values()) if (other !== node) other.hear(request.node, 'joined')
    this.repartition()
    return node
  }

  /** Cuts a node off: what it asks for waits, and its lease runs out. */
  cut(node: ClusterNode): void {
    this.#cut.add(node)
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

  /** Whether a node would get an answer now. */
  isReachable(node: ClusterNode | undefined): boolean {
    return !this.#isDown && (node === undefined || !this.#cut.has(node))
  }

  /** Waits for the engine, and for as long as it takes. */
  async reach(node: ClusterNode | undefined): Promise<void> {
    await this.#pause()
    while (!this.isReachable(node)) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** A node is gone, or has left. */
  remove(node: MemoryPeer, change: 'left' | 'lost'): void {
    if (this.nodes.get(node.node) !== node) return
    this.nodes.delete(node.node)
    this.groups.leave(node)
    for (const other of this.nodes.values()) other.hear(node.node, change)
    this.repartition()
  }

  /** @throws AnaxError ANAX_ERR_FENCED where the name belongs to another, or to nobody */
  checkIsMember(node: MemoryPeer): void {
    if (this.nodes.get(node.node) === node) return
    throw new AnaxError('ANAX_ERR_FENCED', { detail: 'another node has taken over from this one' })
  }

  retain(message: Message): void {
    if (message.payload.length === 0) this.retained.delete(message.topic)
    else this.retained.set(message.topic, message)
  }

  /** The node that sees to a client. */
  keeperOf(clientId: string): MemoryPeer | undefined {
    const names = [...this.nodes.keys()].sort()
    const name = names[hash(clientId) % names.length]
    return name === undefined ? undefined : this.nodes.get(name)
  }

  shardOf(clientId: string): MemoryShard {
    return this.shards[hash(clientId) % this.shards.length]!
  }

  /** Each node is told what it sees to. */
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
