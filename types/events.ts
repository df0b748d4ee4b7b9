/** The events of a broker and what they carry. Contracts only. */
import type { AnaxError } from '../lib/errors.js'
import type { Client, ClientSubscription } from './client.js'
import type { MembershipChange } from './cluster.js'
import type { Message } from './message.js'
import type { ConnackPacket, PingreqPacket, PubrelPacket } from './packets.js'

/** Why a message did not reach a client; docs/events.md says of each when that is. */
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

/** Why a stored session ended. */
export type SessionEndReason = 'expired' | 'clean-start' | 'disconnected' | 'deleted'

/** A message that will not be delivered to a client. */
export interface Drop {
  /** Who does not get it. */
  clientId: string
  /** What is lost, as it was published. */
  message: Message
  /** Why. */
  reason: DropReason
}

/** The gate or listener in which the host's own code failed. */
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

/** Event -> arguments. The first thirteen are Aedes's. */
export interface BrokerEvents {
  /** A client was let in; CONNACK is about to be sent. */
  client: [client: Client]
  /** CONNACK was sent and the client's stored messages are on their way. */
  clientReady: [client: Client]
  /** A client that had been let in is gone. */
  clientDisconnect: [client: Client]
  /** A connected client broke the protocol, or its stream failed. */
  clientError: [client: Client, error: AnaxError]
  /** The same before the client was let in. */
  connectionError: [client: Client, error: AnaxError]
  /** Nothing was heard of a client for 1.5 times its keep alive; `clientError` follows. */
  keepaliveTimeout: [client: Client]
  /** A message was published; `client` is null for the host's own messages and wills. */
  publish: [packet: Message, client: Client | null]
  /** A client acknowledged a message: PUBACK (QoS 1) or PUBCOMP (QoS 2). */
  ack: [packet: Message | PubrelPacket, client: Client]
  /** PINGREQ arrived; it is answered already. */
  ping: [packet: PingreqPacket, client: Client]
  /** Subscriptions as granted; `qos` is 128 or more where one was refused. */
  subscribe: [subscriptions: (Omit<ClientSubscription, 'qos'> & { qos: number })[], client: Client]
  /** UNSUBACK was sent, or the host unsubscribed the client: the filters as they were asked for. */
  unsubscribe: [topics: string[], client: Client]
  /** CONNACK was sent, with success or a refusal: `returnCode` before 5.0, `reasonCode` in 5.0. */
  connackSent: [packet: ConnackPacket, client: Client]
  /** `broker.close()` is done: bus and store are closed. */
  closed: []
  /** A message will not reach a client. */
  drop: [drop: Drop]
  /** The host's own code failed: a gate (then the answer was a refusal), or a listener. */
  hookError: [error: AnaxError, hook: HookName, client: Client | null]
  /** The store or the bus failed at something that nobody waits for. */
  storeError: [error: AnaxError]
  /** A publish was refused; the client was told, where its version can be. */
  publishRefused: [error: AnaxError, packet: Message, client: Client | null]
  /** A stored session ended: its expiry came, the client began a clean one, or the host deleted it. */
  sessionEnded: [clientId: string, reason: SessionEndReason]
  /** A retained message is gone because its time was over. */
  retainedExpired: [message: Message]
  /** In a cluster: another node has joined, left, or is gone without leaving. */
  clusterChanged: [change: MembershipChange]
  /** In a cluster: this node's lease ended. All clients are disconnected, and it joins again. */
  leaseLost: [error: AnaxError]
}
