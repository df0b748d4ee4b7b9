/** The events of a broker and their arguments. Contracts only. */
import type { AnaxError, ErrorCode } from '../../lib/errors.js'
import type { Client, ClientSubscription } from '../client/client.js'
import type { MembershipChange } from '../cluster.js'
import type { Message } from '../message/message.js'
import type { ConnackPacket, PingreqPacket, PubrelPacket } from '../message/packets.js'

/** Why a message did not reach a client; docs/embed/events.md describes each reason. */
export type DropReason =
  | 'queue-full'
  | 'store-full'
  | 'store-failed'
  | 'expired'
  | 'packet-too-large'
  | 'not-encodable'
  | 'outbox-full'
  | 'not-forwarded'
  | 'disconnected'
  | 'session-ended'
  | 'refused'
  | 'overload'

/** Why a connection ended; docs/embed/events.md describes each reason. */
export type DisconnectReason =
  | 'client'
  | 'stream-closed'
  | 'stream-error'
  | 'keep-alive'
  | 'takeover'
  | 'administrative'
  | 'shutdown'
  | 'protocol-error'
  | 'not-authorized'
  | 'limit'
  | 'drain-timeout'
  | 'failure'

/** How a connection ended. */
export interface Disconnection {
  /** A stable reason, to match on and to count by. */
  reason: DisconnectReason
  /** The error that ended it; undefined if none did. */
  code: ErrorCode | undefined
  /**
   * The MQTT 5.0 reason code: from the client's DISCONNECT, or the one that the broker sends (or would send if the
   * client's version had it).
   */
  reasonCode: number
  /** A description for people. */
  detail: string
}

/** Why a stored session ended. */
export type SessionEndReason = 'expired' | 'clean-start' | 'disconnected' | 'deleted'

/** The measure above its threshold: `maxEventLoopDelayMs`, or `maxMemoryBytes` or nine tenths of the heap's limit. */
export type OverloadCause = 'event-loop' | 'memory'

/** The measurement at which the broker became overloaded, or no longer was. */
export interface Overload {
  cause: OverloadCause
  /** Average delay of the event loop; 0 if it is not measured. */
  eventLoopDelayMs: number
  /** Heap and buffers of the process. */
  memoryBytes: number
}

/** A message that will not be delivered to a client. */
export interface Drop {
  /** The client that does not get the message. */
  clientId: string
  /** The message as it was published. */
  message: Message
  /** Why. */
  reason: DropReason
}

/** A rate that a client has reached; docs/embed/events.md describes it. */
export interface RateLimit {
  /** What the rate applies to: this client, its address, or all clients together. */
  of: 'client' | 'address' | 'total'
  /** The exceeded measure. */
  what: 'messages' | 'bytes'
}

/** A session that connections take over from each other again and again. */
export interface Flapping {
  clientId: string
  /** How often it was taken over. */
  takeovers: number
  /** Milliseconds from the first of them to the last. */
  durationMs: number
  /**
   * The addresses of the last two connections, the newer one last; undefined where a stream has none, or is that of
   * another node of the cluster.
   */
  addresses: readonly [string | undefined, string | undefined]
  /** The address from which the client identifier is refused now; undefined without a ban. */
  banned: string | undefined
}

/** The hook or listener of the host that failed. */
export type HookName =
  | 'preConnect'
  | 'authenticate'
  | 'authenticateExtended'
  | 'authorizePublish'
  | 'authorizeSubscribe'
  | 'authorizeForward'
  | 'published'
  | 'queueLimits'
  | 'responseInformation'
  | 'subscribe'
  | `listener:${string}`

/** Event -> arguments. The first thirteen are the events of Aedes. */
export interface BrokerEvents {
  /** A client was accepted; CONNACK is sent next. */
  client: [client: Client]
  /** CONNACK was sent, and delivery of stored messages has begun. */
  clientReady: [client: Client]
  /** The connection of an accepted client has ended. */
  clientDisconnect: [client: Client, disconnection: Disconnection]
  /** A connected client broke the protocol, or its stream failed. */
  clientError: [client: Client, error: AnaxError]
  /** The same, before the client was accepted. */
  connectionError: [client: Client, error: AnaxError]
  /** A client sent nothing for 1.5 times its keep alive; `clientError` follows. */
  keepaliveTimeout: [client: Client]
  /** A message was published; `client` is null for the host's own messages and wills. */
  publish: [packet: Message, client: Client | null]
  /** A client acknowledged a message: PUBACK (QoS 1) or PUBCOMP (QoS 2). */
  ack: [packet: Message | PubrelPacket, client: Client]
  /** PINGREQ arrived and PINGRESP was sent. */
  ping: [packet: PingreqPacket, client: Client]
  /**
   * SUBACK was sent, or the host subscribed the client: the granted subscriptions; `qos` of a refused one is 128 or
   * more.
   */
  subscribe: [subscriptions: (Omit<ClientSubscription, 'qos'> & { qos: number })[], client: Client]
  /** UNSUBACK was sent, or the host unsubscribed the client: the filters as requested. */
  unsubscribe: [topics: string[], client: Client]
  /** CONNACK was sent, with success or a refusal: `returnCode` before 5.0, `reasonCode` in 5.0. */
  connackSent: [packet: ConnackPacket, client: Client]
  /** `broker.close()` has finished: bus and store are closed. */
  closed: []
  /** A message will not reach a client. */
  drop: [drop: Drop]
  /** A hook or a listener of the host failed. A failed hook refuses. */
  hookError: [error: AnaxError, hook: HookName, client: Client | null]
  /** The store or the bus failed in an operation that has no caller to report to. */
  storeError: [error: AnaxError]
  /** A PUBLISH was refused. Clients from 5.0 on get the reason code. */
  publishRefused: [error: AnaxError, packet: Message, client: Client | null]
  /**
   * A client has reached a rate, and the broker reads from it no faster than that. Emitted again only after a second
   * without waiting.
   */
  throttled: [client: Client, limit: RateLimit]
  /** Two clients take over each other's session again and again: they use the same client identifier. */
  flapping: [client: Client, flapping: Flapping]
  /** A stored session ended: it expired, its client started a new one, or the host deleted it. */
  sessionEnded: [clientId: string, reason: SessionEndReason]
  /** A retained message was removed because it expired. */
  retainedExpired: [message: Message]
  /**
   * The broker is overloaded: it refuses clients with 0x89, except those that come for queued messages that take its
   * memory, and drops QoS 0 messages, until `overloadEnd`. `connectionError` reports each client, and `drop` each
   * message.
   */
  overload: [overload: Overload]
  /** The broker is no longer overloaded. */
  overloadEnd: [overload: Overload & { durationMs: number }]
  /** In a cluster: another node has joined, left, or is gone without leaving. */
  clusterChanged: [change: MembershipChange]
  /** In a cluster: this node's lease ended. All clients are disconnected, and it joins again. */
  leaseLost: [error: AnaxError]
  /** In a cluster: this node owns a session that another node had, which was asked for it or is gone. */
  sessionTakenOver: [clientId: string, from: string]
  /** In a cluster: the engine refused writes of this node that came after its lease. Nothing of them was written. */
  lateWritesRefused: [writes: number]
  /**
   * The clock of this node is wrong, by that of the engine: it is so many milliseconds ahead, or behind if negative.
   * Emitted again for as long as it is.
   */
  clockWrong: [aheadMs: number]
}
