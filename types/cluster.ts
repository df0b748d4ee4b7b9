/**
 * The contract of an engine that makes several nodes one broker: ownership of client identifiers with fencing, one log
 * of messages, records of sessions, retained messages. Contracts only: nothing here runs.
 *
 * The engine knows no session and no subscription. It keeps bytes for a client identifier, and messages by topic; what
 * they mean is the broker's business, and the same for every engine. `anax/testing/cluster` has the tests that an
 * engine must pass, and one in memory.
 */
import type { Message } from './message.js'

/**
 * What a resolved write guarantees.
 * - `memory`: it is in the memory of one process (tests).
 * - `single`: one server has it; what that server promises for its disk holds.
 * - `quorum`: a majority of the servers has it. A majority that loses power at the same moment may lose the last
 *   writes.
 * - `quorum-sync`: a majority has it on disk.
 */
export type ClusterDurability = 'memory' | 'single' | 'quorum' | 'quorum-sync'

/** A place in the log. Within one shard, a message with a higher sequence came later; shards are not compared. */
export interface LogPosition {
  /** 0 to `shards - 1`. */
  readonly shard: number
  /** From 1. Sequences have gaps. */
  readonly sequence: number
}

/** For each shard, the sequence up to which all is done. */
export type LogCursor = readonly number[]

/** A message of the log, with its place. The message is the receiver's own: nobody else changes it. */
export interface LogEntry {
  readonly position: LogPosition
  readonly message: Message
}

/** An engine, not yet connected. One object may serve several brokers of one process. */
export interface Cluster {
  /**
   * Connects a node, and resolves once it has a lease.
   * Rejects with ANAX_ERR_CLUSTER where the engine cannot be reached, is too old or is not set up as it has to be.
   */
  join(request: JoinRequest): Promise<ClusterNode>
}

/** How a node joins. */
export interface JoinRequest {
  /**
   * Name of the node, 1 to 64 of `A-Z a-z 0-9 _ -`. A node that joins under the name of one that is alive replaces it:
   * a process that crashed and came back need not wait for its own old lease.
   */
  readonly node: string
  /** Milliseconds that the node may go without renewing its lease. It must outlast an engine's change of leader. */
  readonly leaseMs: number
  readonly events: ClusterEvents
}

/** The engine's calls to a node. No function may throw; each says what its promise means. */
export interface ClusterEvents {
  /**
   * Another node claims a client of this node. To be resolved when the claim was released, or was not held.
   * The engine asks once for one claim.
   */
  letGo(clientId: string): Promise<void>
  /**
   * A message of the log that a filter of {@link ClusterNode.want} may match: the engine may bring more than was asked
   * for, never less. In the order of the shard, each once for a {@link ClusterNode}, its own included. While a returned
   * promise is pending, the shard brings nothing more.
   */
  message(entry: LogEntry): void | Promise<void>
  /** A QoS 0 message of another node, as `message`, at most once, possibly never. */
  signal(message: Message): void
  /**
   * This node takes care of the deadline of a client: of one that {@link ClusterNode.write} set, or moved. `undefined`:
   * there is none any more, or another node takes care of it. Several nodes may believe it for a moment: a claim
   * decides.
   */
  deadline(clientId: string, at: number | undefined): void
  /**
   * A node that owned this client is gone, and this node is to see to the session. Several may believe it for a moment.
   */
  orphan(clientId: string): void
  /** A node has joined, left, or is gone without leaving. */
  membership(change: MembershipChange): void
  /** The engine has refused so many writes of this node, because the claim or the lease had gone. Nothing was written. */
  refused(writes: number): void
  /** Reports a failure in the background. The engine keeps trying. */
  failed(error: Error): void
}

/** Nodes that came or went. */
export interface MembershipChange {
  readonly node: string
  /** `lost`: its lease ended, or another process took its name. */
  readonly change: 'joined' | 'left' | 'lost'
}

/** The right to change one session, held by one node at a time. */
export interface Claim {
  readonly clientId: string
  /** Greater than that of every earlier claim of this client identifier. */
  readonly token: number
  /** The node that had it, where that one was asked to let go, or is gone; undefined where nobody had it. */
  readonly previous?: string | undefined
  /**
   * Whether the node that had it is gone without releasing it, and had it by {@link ClusterNode.claim}: a client may have
   * used the session until then.
   */
  readonly wasInUse?: boolean | undefined
}

/** The writes of one step for one client: all of them, or none. */
export interface ClusterWrite {
  /**
   * Appended to the log, to the shard of the client. With `retain` it becomes the retained message of its topic as
   * well, or with an empty payload takes that away. The engine keeps its own copy; `brokerId` and `brokerCounter` are
   * not kept.
   */
  readonly message?: Message
  /** Records of the session by name, of `A-Z a-z 0-9`, 400 at most; `undefined` removes one. Needs a claim. */
  readonly records?: Readonly<Record<string, Uint8Array | undefined>>
  /**
   * When somebody has to see to the session, in milliseconds since the epoch; `undefined` means never. Needs a claim.
   */
  readonly deadline?: { readonly at: number | undefined }
}

/** A node of the cluster, connected. */
export interface ClusterNode {
  readonly node: string
  /** For people: engine, version, replicas. */
  readonly description: string
  readonly durability: ClusterDurability
  /** Shards of the log. The same for all nodes, and for good. */
  readonly shards: number
  /** Bytes that the payload, the properties and the topic of a message may have together; more is refused. */
  readonly maxMessageBytes: number
  /** Milliseconds that the log keeps a message; Infinity for no limit. */
  readonly logMs: number
  readonly lease: Lease

  /**
   * Makes this node the owner of a client identifier. Where another node has it, that one is asked to let go, and
   * waited for; where that node is gone, or its lease ends meanwhile, the claim is taken from it.
   * @param giveUp an `AbortController` whose signal gives up; asked for its signal only if the claim has to wait
   * Rejects with ANAX_ERR_CLUSTER where the engine does not answer, ANAX_ERR_FENCED where this node's lease is lost.
   */
  claim(clientId: string, giveUp: Pick<AbortController, 'signal'>): Promise<Claim>
  /**
   * The same, to look after the session, unless this node has it, or another one that is alive has it by
   * {@link ClusterNode.claim}: then undefined, and nobody is asked. A node that only looks after it is asked to let go.
   */
  claimIfFree(clientId: string): Promise<Claim | undefined>
  /**
   * Releases a claim, after a last write. Does nothing if the claim is no longer held.
   * @param end `forget` where the session has ended: its records go as well
   */
  release(claim: Claim, end: 'keep' | 'forget', write?: ClusterWrite): Promise<void>
  /** The records of a client, by name; empty where there are none. */
  load(claim: Claim): Promise<ReadonlyMap<string, Uint8Array>>

  /**
   * Writes; resolves when it is as durable as the engine promises. Writes of one client identifier take effect in the
   * order of the calls, and so do those without a claim. The engine joins writes that come at about the same time.
   * @param claim whose; without one, only a message can be written
   * @returns where the message is, if there is one; undefined where the engine cannot tell, because an answer was lost.
   * Rejects with ANAX_ERR_FENCED where the claim or the lease is not this node's any more: then nothing was written, and
   * nothing of this node will be. With ANAX_ERR_QUOTA where the log is full. With ANAX_ERR_CLUSTER where it is not
   * known whether it was written; that happens only when the lease is lost while the engine does not answer.
   */
  write(claim: Claim | undefined, write: ClusterWrite): Promise<LogPosition | undefined>
  /** Sends a QoS 0 message to the other nodes that want it. */
  signal(message: Message): void

  /**
   * Wants the messages of a filter (without `$share`). The same filter may be wanted many times.
   * @returns a place from which on, excluded, every message of the filter will be brought
   */
  want(filter: string): Promise<LogCursor>
  /** Once less. */
  unwant(filter: string): void
  /** Where each shard ends at the moment: never before a message that was brought to this node already. */
  ends(): Promise<LogCursor>
  /**
   * Reads the log: everything behind `after` that one of the filters may match (the engine may bring more), in the
   * order of each shard. What was trimmed meanwhile is missing.
   * @param upTo included: where the log ended, or a message that was brought to this node; left out, it is where the log
   * ends when reading begins
   */
  read(filters: readonly string[], after: LogCursor, upTo?: LogCursor): AsyncIterable<LogEntry>
  /** One message of the log; undefined where it was trimmed. */
  entry(position: LogPosition): Promise<LogEntry | undefined>
  /** Where the log begins: what is before was trimmed. */
  begins(): Promise<LogCursor>

  /** Retained messages that one of the filters matches, each topic once, the newest. */
  retained(filters: readonly string[]): AsyncIterable<Message>

  /** Joins a shared subscription, `$share/name/filter`, on behalf of the members that this node has. */
  joinGroup(share: string, take: GroupHandler): Promise<Group>

  /** The current view of the cluster; sends no request. */
  stats(): ClusterStats
  /**
   * Leaves: ends its lease, so that others need not wait. Clients that it still owns are orphans, and what was not
   * written is lost. Never rejects.
   */
  leave(): Promise<void>
}

/** The node's right to act. */
export interface Lease {
  /**
   * Whether it holds now, by the monotonic clock of this process: true once more after a pause only if it was renewed.
   */
  readonly isValid: boolean
  /** Aborted once it is lost, for good. The reason is an AnaxError. */
  readonly lost: AbortSignal
}

/** A message of a shared subscription that one node holds for its members. */
export interface HeldEntry {
  /** Undefined for QoS 0: there is nothing to settle. */
  readonly position: LogPosition | undefined
  readonly message: Message
  /** Delivered: the group has done with it. */
  done(): void
  /** Not delivered: another node, or this one, gets it again. */
  giveBack(): void
}

/** Takes a message for a member of this node, or gives it back. */
export type GroupHandler = (entry: HeldEntry) => void

/** A node's part in a shared subscription. */
export interface Group {
  /** The node has no member any more; what it holds is given back. */
  leave(): Promise<void>
}

/** A shard as one node sees it. */
export interface ShardStats {
  /** The highest sequence that was seen. */
  readonly sequence: number
  /** Writes that wait for an answer. */
  readonly pendingWrites: number
  /** Messages that this node wants and has not read yet. */
  readonly lag: number
}

/** A cluster as one node sees it. */
export interface ClusterStats {
  readonly nodes: readonly { readonly node: string; readonly isSelf: boolean }[]
  /** Milliseconds that the lease holds without being renewed. */
  readonly leaseMsLeft: number
  /** Claims that this node holds. */
  readonly claims: number
  readonly shards: readonly ShardStats[]
  /** Milliseconds that the last write took. */
  readonly writeMs: number
  /** Round trips of writes to the engine, and how long they took together. */
  readonly writes: { readonly count: number; readonly ms: number }
  /** Writes that the engine refused because the claim or the lease had gone. */
  readonly refusedWrites: number
}
