/** Information about a broker and its sessions, for administration. Contracts only. */
import type { ErrorCode } from '../../lib/errors.js'
import type { ClientSubscription } from '../client/client.js'
import type { Amount } from '../client/stats.js'
import type { ClusterStats } from '../cluster.js'
import type { Message } from '../message/message.js'
import type { ProtocolVersion, QoS } from '../message/packets.js'
import type { DisconnectReason, DropReason, HookName, OverloadCause, SessionEndReason } from './events.js'

/** The name of a packet type in MQTT. */
export type PacketName =
  | 'connect'
  | 'connack'
  | 'publish'
  | 'puback'
  | 'pubrec'
  | 'pubrel'
  | 'pubcomp'
  | 'subscribe'
  | 'suback'
  | 'unsubscribe'
  | 'unsuback'
  | 'pingreq'
  | 'pingresp'
  | 'disconnect'
  | 'auth'

/** The traffic of all connections, in one direction. */
export interface FlowStats {
  /** Bytes of MQTT, without TLS and WebSocket. */
  bytes: number
  packets: Readonly<Record<PacketName, number>>
  /** PUBLISH packets by QoS, including retransmitted ones. */
  messages: readonly [qos0: number, qos1: number, qos2: number]
  /** Bytes of their payloads. */
  payloadBytes: number
}

/** Outcomes of authentication by a hook, the host's or a module's. */
export interface AuthenticationStats {
  /** Accepted clients. */
  accepted: number
  /** Refused. */
  refused: number
  /** Refused because the hook threw, gave no answer in time, or an invalid one. */
  failed: number
}

/** How the event loop is shared. */
export interface SchedulerStats {
  /** Pieces of work that wait for a later turn now. */
  waiting: number
  /** How often work paused because its client had used its share of the turn, or the turn was over. */
  pauses: number
}

/** The current numbers of a broker. A number is undefined if the store does not provide it. */
export interface BrokerStats {
  /** When the broker was started, in milliseconds since the epoch; undefined before that. */
  startedAt: number | undefined
  /** Milliseconds since then, independent of the system clock. */
  uptimeMs: number
  connections: {
    /** Open streams, including those of clients that are not connected yet. */
    open: number
    /** Streams passed to the broker. */
    total: number
    /** Connections that ended before their client was accepted, by error code. */
    refused: Readonly<Partial<Record<ErrorCode, number>>>
  }
  clients: {
    /** Clients that are connected. */
    connected: number
    /** The highest number of clients connected at the same time. */
    maximum: number
    /** Clients that were accepted. */
    total: number
    /** Clients whose connections ended, by reason. */
    disconnected: Readonly<Record<DisconnectReason, number>>
    /** How often one of them was slowed down because of a rate. */
    throttled: number
    /** How often clients that take over each other's session were noticed. */
    flapping: number
  }
  sessions: {
    /** Sessions that the store keeps, of clients that are connected and of others. */
    stored: number | undefined
    /** Sessions whose clients are not connected. */
    away: number | undefined
    /** All: stored ones, and those that end with their connection. */
    total: number
    /** Stored ones that ended, by reason. */
    ended: Readonly<Record<SessionEndReason, number>>
  }
  subscriptions: {
    /** Of clients that are connected. */
    connected: number
    /** Of sessions that the store keeps. */
    stored: number | undefined
    /** Both together, each counted once. */
    total: number | undefined
    /** Shared subscriptions, of connected clients and of stored sessions. */
    shared: number
    /** Groups of shared subscriptions. */
    sharedGroups: number
    /** Bytes of the subscriptions of connected clients, as `maxSubscriptionBytes` counts them. */
    bytes: number
  }
  /** Undefined in a cluster, whose nodes share them. */
  retained: { messages: number | undefined; bytes: number | undefined }
  /** Stored wills: of connected clients, and delayed ones. */
  wills: Amount
  /** Messages in the queues of stored sessions, including those sent and not acknowledged; each message counts once. */
  queued: { messages: number | undefined; bytes: number | undefined }
  /** QoS 1 and 2 messages that were sent to connected clients and are not acknowledged. */
  inflight: number
  /** Messages in memory until connected clients can take them. */
  waiting: Amount
  received: FlowStats
  sent: FlowStats
  overload: {
    /** Why clients are refused and QoS 0 messages are dropped at the moment; undefined if they are not. */
    cause: OverloadCause | undefined
    /** Since when, in milliseconds since the epoch. */
    since: number | undefined
    /** How often the broker was overloaded. */
    times: number
    /** How late the event loop is on average, measured every half second; 0 without `maxEventLoopDelayMs`. */
    eventLoopDelayMs: number
    /** Heap and buffers of the process, measured at the same time. */
    memoryBytes: number
  }
  /** Refused messages, by error code. */
  publishRefused: Readonly<Partial<Record<ErrorCode, number>>>
  authentication: AuthenticationStats
  scheduler: SchedulerStats
  /** How often hooks or listeners of the host failed, and how often store or bus did. */
  failures: { hooks: number; store: number }
  /** Messages that did not reach a client, by reason, since the broker was created. */
  drops: Readonly<Record<DropReason, number>>
  /** Of the cluster, as this node sees it; undefined without one. */
  cluster: ClusterNumbers | undefined
}

/** The numbers of a node of a cluster. Counters begin when the broker is created. */
export interface ClusterNumbers {
  /** The engine's view; undefined while this node is not a member. */
  engine: ClusterStats | undefined
  /** Sessions that this node took over from another one. */
  takeovers: number
  /** Leases that this node has lost. */
  leasesLost: number
  /** Writes that the engine refused because they came too late. */
  lateWrites: number
}

/** A session: of a client that is connected, or kept by the store. Times are milliseconds since the epoch. */
export interface SessionInfo {
  clientId: string
  connected: boolean
  /** Whether the store keeps the session. A session that is not stored ends with its connection. */
  stored: boolean
  /** The user name of its connection, or of the last one. */
  username: string | undefined
  /** The address of its connection, or of the last one. */
  address: string | undefined
  /** The protocol version of its connection, or of the last one. */
  protocolVersion: ProtocolVersion | undefined
  /** When the session began. */
  createdAt: number | undefined
  /** When its client connected, the last time. */
  connectedAt: number | undefined
  /** When its client disconnected; undefined while it is connected. */
  disconnectedAt: number | undefined
  /** Seconds; undefined while it is not connected. */
  keepalive: number | undefined
  /** Seconds that it outlives its connection; 0xFFFFFFFF never expires. */
  expiryInterval: number
  /** When it ends; undefined while its client is connected, and for one that never expires. */
  expiresAt: number | undefined
  /** How many subscriptions it has. */
  subscriptions: number
  /** QoS 1 and 2 messages that were sent to the client and are not acknowledged. */
  inflight: number
  /** QoS 2 messages that the client sent and has not released. */
  incoming: number
  /** Its stored queue, including messages in flight, and what waits in memory. */
  queued: Amount
  /** Messages for it that were dropped while its client was connected; 0 while it is not. */
  drops: number
}

/** How long one step took. */
export interface Timing {
  /**
   * `hook`: from the call of a hook to its answer. `store`: an operation of the store, until it is done; of those that
   * read many items, the time that the broker waited for them. A store in memory is not timed. `bus`: until the host's
   * bus has accepted a message. `message`: from the arrival of a client's message until it is stored and written to the
   * streams of receivers that can accept it immediately.
   */
  part: 'hook' | 'store' | 'bus' | 'message'
  /** The hook; undefined for the other parts. */
  hook: HookName | undefined
  /** The method of the store; undefined for the other parts. */
  operation: string | undefined
  /** Milliseconds. */
  ms: number
}

/** Receives samples of how long things take. It must not throw. */
export type TimingListener = (timing: Timing) => void

/** Options of `broker.sampleTimings`. */
export interface SampleOptions {
  /**
   * One of this many messages is sampled, and one of this many calls of each hook and store operation that runs for
   * every message. All other calls are sampled. @default 256
   */
  every?: number
}

/** The limits of the whole broker, as the options or their defaults say; Infinity for none. */
export interface BrokerLimits {
  maxConnections: number
  maxSessions: number
  maxTotalQueuedBytes: number
  maxRetainedMessages: number
  maxRetainedBytes: number
  /** A cluster may have lowered it. */
  maxPacketSize: number
  maxConnectSize: number
}

/** A connected client with waiting messages. */
export interface SlowClient {
  clientId: string
  /** Messages that wait for the connected client, in memory and in its stored queue. */
  waiting: Amount
}

/** Selects sessions that match all given criteria. */
export interface SessionFilter {
  /** The beginning of the client identifier. */
  prefix?: string
  username?: string
  address?: string
  connected?: boolean
}

/** Selects a page. */
export interface PageQuery {
  /** `next` of the previous page. @default the first page */
  after?: string | undefined
  /** Maximum number of items, 1 to 1000. @default 100 */
  limit?: number
}

/** Selects sessions. */
export interface SessionQuery extends PageQuery {
  /** @default all */
  filter?: SessionFilter
}

/** Selects subscriptions. */
export interface SubscriptionQuery extends PageQuery {
  /** Only subscriptions of this client. @default of all clients */
  clientId?: string
  /** Only subscriptions with exactly this filter, including `$share/…`. @default any filter */
  filter?: string
  /** Only subscriptions that match this topic. @default all */
  topic?: string
}

/** A part of the items, in a stable order. */
export interface Page<T> {
  /** May be fewer than `limit`, even none, if many of the examined items do not match. */
  items: T[]
  /** The value of `after` for the next page; undefined for the last page. */
  next: string | undefined
}

/** A subscription with the client that holds it. */
export interface SubscriptionInfo extends ClientSubscription {
  clientId: string
  /** Whether its client is connected. */
  connected: boolean
}

/** A message that waits for a client, or was sent to it and is not acknowledged. */
export interface QueuedInfo {
  /** Undefined once the client has received it, and only PUBCOMP is missing. Must not be changed. */
  message: Message | undefined
  /** The quality of service for this client. */
  qos: QoS
  /** The RETAIN flag for this client. */
  retain: boolean
  /** Undefined if it was not sent yet. */
  packetId: number | undefined
  /** Whether the store has it; a message in memory is lost with the connection. */
  stored: boolean
}
