/** The contracts between the parts of an engine in memory. Nothing here runs. */
import type { Clock } from '../../../../types/clock.js'
import type { ClusterNode, LogEntry, MembershipChange } from '../../../../types/cluster.js'
import type { Message } from '../../../../types/message/message.js'
import type { MemoryGroups } from './memory-groups.js'
import type { MemoryShard } from './memory-shard.js'

/** A node, as the engine and other nodes see it. */
export interface MemoryPeer extends ClusterNode {
  /** Whether it only imports or exports. */
  readonly isGuest: boolean
  /** Called when another node has joined or left. */
  hear(node: string, change: MembershipChange['change']): void
  /** Called when another process has taken the name. */
  replaced(): void
  processDue(clientId: string, at: number | undefined): void
  /** Called when the owner of the client has failed. */
  adopt(clientId: string): void
  /**
   * Asks the node to release a client. Resolves when it has, or if it does not hold the client; never for a node that
   * is cut off.
   */
  askToLetGo(clientId: string): Promise<void>
  /** Called for a message of the log. */
  bring(entry: LogEntry): void
  /** Called for a QoS 0 message. */
  hearSignal(message: Message): void
}

/** The engine, as a node sees it. */
export interface MemoryEngine {
  readonly shards: readonly MemoryShard[]
  readonly clock: Clock
  readonly latencyMs: number
  readonly logMs: number
  readonly nodes: ReadonlyMap<string, MemoryPeer>
  readonly groups: MemoryGroups
  readonly retained: ReadonlyMap<string, Message>
  /** Whether a node can reach the engine now. */
  isReachable(node: ClusterNode | undefined): boolean
  /** Waits until the engine can be reached, and for the latency. */
  reach(node: ClusterNode | undefined): Promise<void>
  remove(node: MemoryPeer, change: 'left' | 'lost'): void
  /** @throws AnaxError ANAX_ERR_FENCED if the name belongs to another node, or to none */
  checkIsMember(node: MemoryPeer): void
  retain(message: Message): void
  keeperOf(clientId: string): MemoryPeer | undefined
  shardOf(clientId: string): MemoryShard
}
