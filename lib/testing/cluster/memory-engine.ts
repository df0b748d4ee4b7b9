/** The contracts between the parts of an engine in memory. Nothing here runs. */
import type { Clock } from '../../../types/clock.js'
import type { ClusterNode, LogEntry, MembershipChange } from '../../../types/cluster.js'
import type { Message } from '../../../types/message.js'
import type { MemoryGroups } from './memory-groups.js'
import type { MemoryShard } from './memory-shard.js'

/** A node, as the engine and other nodes see it. */
export interface MemoryPeer extends ClusterNode {
  /** Another node came or went. */
  hear(node: string, change: MembershipChange['change']): void
  /** Another process has the name. */
  replaced(): void
  processDue(clientId: string, at: number | undefined): void
  /** The owner of the client is gone. */
  adopt(clientId: string): void
  /** Resolves when it has, or had nothing to; never for a node that is cut off. */
  askToLetGo(clientId: string): Promise<void>
  /** A message came to the log. */
  bring(entry: LogEntry): void
  /** A QoS 0 message came. */
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
  /** Whether a node would get an answer now. */
  isReachable(node: ClusterNode | undefined): boolean
  /** Waits for the engine, and for as long as it takes. */
  reach(node: ClusterNode | undefined): Promise<void>
  remove(node: MemoryPeer, change: 'left' | 'lost'): void
  /** @throws AnaxError ANAX_ERR_FENCED where the name belongs to another, or to nobody */
  checkIsMember(node: MemoryPeer): void
  retain(message: Message): void
  keeperOf(clientId: string): MemoryPeer | undefined
  shardOf(clientId: string): MemoryShard
}
