/**
 * The contract of an engine that makes several nodes one broker: ownership of client identifiers with fencing, one log
 * of messages, records of sessions, retained messages. Contracts only: nothing here runs.
 *
 * The engine knows no session and no subscription. It stores bytes for a client identifier, and messages by topic.
 * Their meaning belongs to the broker, and is the same for every engine. `anax/testing/cluster` has the tests that an
 * engine must pass, and one in memory.
 */
import type { Message } from './message/message.js'

/**
 * What a resolved write guarantees.
 * - `memory`: it is in the memory of one process (tests).
 * - `single`: one server has it, with that server's guarantee for its disk.
 * - `quorum`: a majority of the servers has it. A majority that loses power at the same moment may lose the last
 *   writes.
 * - `quorum-sync`: a majority has it on disk.
 */
export type ClusterDurability = 'memory' | 'single' | 'quorum' | 'quorum-sync'

/** A position in the log. Within one shard, a message with a higher sequence is later; shards are not comparable. */
export interface LogPosition {
  /** 0 to `shards - 1`. */
  readonly shard: number
  /** From 1. Sequences have gaps. */
  readonly sequence: number
}

/** For each shard, the sequence up to which everything is done. */
export type LogCursor = readonly number[]

/** A message of the log, with its position. The message belongs to the receiver: nobody else changes it. */
export interface LogEntry {
  readonly position: LogPosition
  readonly message: Message
}

/** An engine, not yet connected. One object may serve several brokers of one process. */
export interface Cluster {
  /**
   * Connects a node, and resolves once it has a lease. Rejects with ANAX_ERR_CLUSTER if the engine cannot be reached,
   * is too old or is configured wrongly.
   */
  join(request: JoinRequest): Promise<ClusterNode>
}

/** Parameters of joining. */
export interface JoinRequest {
  /**
   * Name of the node, 1 to 64 of `A-Z a-z 0-9 _ -`. While another live node has it, joining waits, and rejects with
   * ANAX_ERR_CLUSTER after the duration of a lease; `events.failed` is called when it begins to wait. A node whose
   * process is gone is replaced, so that a restarted process need not wait for the end of its old lease.
   */
  readonly node: string
  /** Duration of the lease without renewal, in milliseconds. It must be longer than a leader election of the engine. */
  readonly leaseMs: number
  readonly events: ClusterEvents
  /**
   * Why it joins, if it is not to be a node: to import or to export sessions. Then it takes care of no session, no node
   * hears of it, and the configuration of the engine stays as it is. Only an import creates what is missing.
   */
  readonly purpose?: 'import' | 'export'
}

/** The engine's calls to a node. No function may throw; each one describes the meaning of its promise. */
export interface ClusterEvents {
  /**
   * Another node claims a client of this node. Must resolve when the claim was released, or if it is not held. The
   * engine calls it once for one claim.
   */
  letGo(clientId: string): Promise<void>
  /**
   * A message of the log that a filter of {@link ClusterNode.want} may match: the engine may deliver more messages than
   * requested, but never fewer. Messages come in the order of the shard, each once for a {@link ClusterNode}, including
   * its own. While a returned promise is pending, the shard delivers nothing more.
   */
  message(entry: LogEntry): void | Promise<void>
  /** A QoS 0 message of another node, as `message`, at most once, possibly never. */
  signal(message: Message): void
  /**
   * This node takes care of the deadline of a client, which {@link ClusterNode.write} has set or changed. `undefined`:
   * there is no deadline any more, or another node takes care of it. Several nodes may be notified for a moment: a
   * claim decides.
   */
  deadline(clientId: string, at: number | undefined): void
  /**
   * The node that owned this client has failed, and this node must take care of the session. Several nodes may be
   * notified for a moment.
   */
  orphan(clientId: string): void
  /** A node has joined, left, or failed. */
  membership(change: MembershipChange): void
  /**
   * The engine has refused this many writes of this node, because the claim or the lease was lost. Nothing was written.
   */
  refused(writes: number): void
  /**
   * The clock of this node is wrong, by that of the engine. Called again for as long as it is.
   * @param aheadMs how far it is ahead, in milliseconds; negative if it is behind
   */
  clockWrong(aheadMs: number): void
  /** Reports a failure in the background. The engine keeps trying. */
  failed(error: Error): void
}

/** A change of the members. */
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
  /** The previous owner, if it was asked to release the claim or has failed; undefined if there was none. */
  readonly previous?: string | undefined
  /**
   * Whether the previous owner has failed without releasing a claim that it got from {@link ClusterNode.claim}: a
   * client may have used the session until then.
   */
  readonly wasInUse?: boolean | undefined
}

/** What is stored for one client. */
export interface StoredClient {
  readonly clientId: string
  /** By name. */
  readonly records: ReadonlyMap<string, Uint8Array>
  /** Whether a node owns it by {@link ClusterNode.claim}: its client is connected, or was when the node failed. */
  readonly isInUse: boolean
}

/** The writes of one step for one client: either all of them are written, or none. */
export interface ClusterWrite {
  /**
   * A message to append to the log, in the shard of the client. With `retain` it also becomes the retained message of
   * its topic, or with an empty payload deletes it. The engine stores its own copy, without `brokerId` and
   * `brokerCounter`.
   */
  readonly message?: Message
  /** Records of the session by name, of `A-Z a-z 0-9`, at most 400; `undefined` removes one. Needs a claim. */
  readonly records?: Readonly<Record<string, Uint8Array | undefined>>
  /**
   * When a node must take care of the session, in milliseconds since the epoch; `undefined` means never. Needs a claim.
   */
  readonly deadline?: { readonly at: number | undefined }
}

/**
 * A connected node of the cluster. While the engine does not answer, as during an election, reads and writes wait: they
 * reject with ANAX_ERR_FENCED when the lease is lost, and with ANAX_ERR_CLUSTER for a failure that does not pass.
 */
export interface ClusterNode {
  readonly node: string
  /** A description for people: engine, version, replicas. */
  readonly description: string
  readonly durability: ClusterDurability
  /** Number of shards of the log. The same for all nodes, and constant. */
  readonly shards: number
  /** Maximum bytes of payload, properties and topic of a message together; larger messages are refused. */
  readonly maxMessageBytes: number
  /** How long the log keeps a message, in milliseconds; Infinity for no limit. */
  readonly logMs: number
  readonly lease: Lease

  /**
   * Makes this node the owner of a client identifier. If another node owns it, that node is asked to release it, and
   * the call waits for that. If that node is gone, or its lease ends meanwhile, the claim is taken from it.
   * @param clientId the client identifier
   * @param giveUp an `AbortController` whose signal ends the wait; its signal is only read if the claim has to wait
   * @returns the claim; rejects with ANAX_ERR_CLUSTER if the engine does not answer, and with ANAX_ERR_FENCED if this
   * node has lost its lease
   */
  claim(clientId: string, giveUp: Pick<AbortController, 'signal'>): Promise<Claim>
  /**
   * The same, to take care of the session, unless this node owns it, or another live node owns it by {@link
   * ClusterNode.claim}: then returns undefined, and asks nobody. A node that only takes care of it is asked to release
   * it.
   */
  claimIfFree(clientId: string): Promise<Claim | undefined>
  /**
   * Releases a claim, after a last write. Does nothing if the claim is no longer held.
   * @param end `forget` if the session has ended: its records are deleted as well
   */
  release(claim: Claim, end: 'keep' | 'forget', write?: ClusterWrite): Promise<void>
  /** The records of a client, by name; empty if there are none. */
  load(claim: Claim): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Reads the records of all clients that have some, without claiming them, to export them. Those of one client are as
   * of one moment.
   */
  stored(): AsyncIterable<StoredClient>

  /**
   * Writes; resolves when the write is as durable as the engine promises. Writes of one client identifier take effect
   * in the order of the calls, and so do those without a claim. The engine may combine concurrent writes. Rejects with
   * ANAX_ERR_FENCED if the claim or the lease is lost: then nothing was written, and nothing of this node will be.
   * Rejects with ANAX_ERR_QUOTA if the log is full, and with ANAX_ERR_CLUSTER if it is unknown whether it was written,
   * which happens only if the lease is lost while the engine does not answer.
   * @param claim the claim of the client; without one, only a message can be written
   * @returns the position of the message, if there is one; undefined if the engine does not know it, because an answer
   * was lost
   */
  write(claim: Claim | undefined, write: ClusterWrite): Promise<LogPosition | undefined>
  /** Sends a QoS 0 message to the other nodes that have a matching filter. */
  signal(message: Message): void

  /**
   * Requests the messages of a filter (without `$share`). The same filter may be requested many times.
   * @returns a position after which every message of the filter will arrive
   */
  want(filter: string): Promise<LogCursor>
  /** Undoes one call of {@link ClusterNode.want}. */
  unwant(filter: string): void
  /** The current end of each shard: never before a message that has already arrived at this node. */
  ends(): Promise<LogCursor>
  /**
   * Reads the log: everything after `after` that one of the filters may match (the engine may return more), in the
   * order of each shard. Trimmed messages are missing.
   * @param upTo the last position, inclusive: an end of the log, or a message that has arrived at this node. @default
   * the end of the log when reading begins
   */
  read(filters: readonly string[], after: LogCursor, upTo?: LogCursor): AsyncIterable<LogEntry>
  /** One message of the log; undefined if it was trimmed. */
  entry(position: LogPosition): Promise<LogEntry | undefined>
  /** The beginning of the log: everything before it was trimmed. */
  begins(): Promise<LogCursor>

  /** The latest retained message of each topic that matches one of the filters. */
  retained(filters: readonly string[]): AsyncIterable<Message>

  /** Joins a shared subscription, `$share/name/filter`, for the members on this node. */
  joinGroup(share: string, take: GroupHandler): Promise<Group>

  /** The current view of the cluster; sends no request. */
  stats(): ClusterStats
  /**
   * Leaves the cluster: ends its lease, so that other nodes need not wait. Clients that it still owns become orphans,
   * and unwritten state is lost. Never rejects.
   */
  leave(): Promise<void>
}

/** The lease of a node: its right to act. */
export interface Lease {
  /** Whether it is valid now, by the monotonic clock of this process: after a pause, true only if it was renewed. */
  readonly isValid: boolean
  /** Aborted when the lease is lost permanently. The reason is an AnaxError. */
  readonly lost: AbortSignal
}

/** A message of a shared subscription that one node holds for its members. */
export interface HeldEntry {
  /** Undefined for QoS 0, which need not be settled. */
  readonly position: LogPosition | undefined
  readonly message: Message
  /** Marks it as delivered. */
  done(): void
  /** Returns it: another node, or this one, gets it again. */
  giveBack(): void
}

/** Receives a message for a member of this node, or returns it. */
export type GroupHandler = (entry: HeldEntry) => void

/** A node's membership in a shared subscription. */
export interface Group {
  /** Leaves the group, because the node has no more members; held messages are returned. */
  leave(): Promise<void>
}

/** A shard as one node sees it. */
export interface ShardStats {
  /** The highest known sequence. */
  readonly sequence: number
  /** Writes that wait for an answer. */
  readonly pendingWrites: number
  /** Messages for this node that it has not read yet. */
  readonly lag: number
}

/** A cluster as one node sees it. */
export interface ClusterStats {
  readonly nodes: readonly { readonly node: string; readonly isSelf: boolean }[]
  /** Remaining time of the lease without renewal, in milliseconds. */
  readonly leaseMsLeft: number
  /** Claims that this node holds. */
  readonly claims: number
  readonly shards: readonly ShardStats[]
  /** Duration of the last write, in milliseconds. */
  readonly writeMs: number
  /** Round trips of writes to the engine, and their total duration. */
  readonly writes: { readonly count: number; readonly ms: number }
  /** Writes that the engine refused because the claim or the lease was lost. */
  readonly refusedWrites: number
}
