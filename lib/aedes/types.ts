/** The names that Aedes's own declarations have, for what an application of Aedes imports. Contracts only. */
import type { Duplex } from 'node:stream'
import type { Bus } from '../../types/bus.js'
import type { Message } from '../../types/message.js'
import type { BrokerOptions } from '../../types/options.js'
import type {
  ConnackPacket,
  ConnectPacket,
  PingreqPacket,
  PublishPacket,
  PubrelPacket,
  SubscribePacket,
  Subscription,
  UnsubscribePacket,
  Will,
} from '../../types/packets.js'
import type { AedesPersistence } from '../../types/persistence.js'
import type { AedesClient } from './client.js'

export type {
  ConnackPacket,
  ConnectPacket,
  PingreqPacket,
  PublishPacket,
  PubrelPacket,
  SubscribePacket,
  Subscription,
  UnsubscribePacket,
}

/** A client, with the members that it has in Aedes. */
export type Client = AedesClient
/** A message in the shape of `aedes-packet`. */
export type AedesPublishPacket = Message
/** A stream that a client is at the other end of. */
export type Connection = Duplex
/** Broker identifier -> when it was heard of last, in milliseconds since the epoch. */
export type Brokers = Readonly<Record<string, number>>
/** Subscriptions as a SUBSCRIBE has them. */
export type Subscriptions = { subscriptions: Subscription[] }

/** Return codes of CONNACK in MQTT 3.1 and 3.1.1, under the names that Aedes has for them. */
export const AuthErrorCode = {
  UNNACCEPTABLE_PROTOCOL: 1,
  IDENTIFIER_REJECTED: 2,
  SERVER_UNAVAILABLE: 3,
  BAD_USERNAME_OR_PASSWORD: 4,
  NOT_AUTHORIZED: 5,
} as const
export type AuthErrorCode = (typeof AuthErrorCode)[keyof typeof AuthErrorCode]

/** Why `authenticate` refuses. */
export type AuthenticateError = Error & { returnCode: AuthErrorCode }

/** An error of `preConnect` and `authenticate` that sends an MQTT 5.0 client to another server. */
export type RedirectError = Error & {
  /** One or more servers, as MQTT 5.0 has them: `host` or `host:port`, with spaces between. */
  serverReference: string
  /** 0x9D, server moved; anything else is 0x9C, use another server. */
  reasonCode?: number
}

type Done = (error?: Error | null) => void

/** Lets a connection go on, or not, before anything is looked up. Calls back with an error to refuse, or with `false`. */
export type PreConnectHandler = (
  client: Client,
  packet: ConnectPacket,
  callback: (error: Error | null, success?: boolean) => void,
) => unknown
/** Decides whether a client is who it says. Calls back with an error, whose `returnCode` CONNACK has, or with `true`. */
export type AuthenticateHandler = (
  client: Client,
  username: string | undefined,
  password: Buffer | undefined,
  done: (error: (Error & { returnCode?: number }) | null, success?: boolean | null) => void,
) => unknown
/** Decides about a message, a will included, and may change it. Calls back with an error to refuse it. */
export type AuthorizePublishHandler = (client: Client | null, packet: PublishPacket, callback: Done) => unknown
/** Decides about a subscription: calls back with it, changed or not, with `null` to refuse it, or with an error. */
export type AuthorizeSubscribeHandler = (
  client: Client,
  subscription: Subscription,
  callback: (error: Error | null, subscription?: Subscription | null) => void,
) => unknown
/** Decides whether a client gets a message: returns the message, changed or not, or nothing to leave it out. */
export type AuthorizeForwardHandler = (
  client: Client,
  packet: AedesPublishPacket,
) => AedesPublishPacket | null | undefined | false | void
/** Told of each message that was published; the acknowledgement waits until it calls back. */
export type PublishedHandler = (packet: AedesPublishPacket, client: Client | null, callback: Done) => unknown
// biome-ignore-start lint/suspicious/noExplicitAny: the application and its transport agree on it
/** What a transport may ask to find the client's address; called by packages such as `aedes-server-factory`. */
export type DecodeProtocolHandler = (client: any, buffer: any) => any
// biome-ignore-end lint/suspicious/noExplicitAny: the application and its transport agree on it

/** The hooks, by name. */
export interface AedesHooks {
  preConnect: PreConnectHandler
  authenticate: AuthenticateHandler
  authorizePublish: AuthorizePublishHandler
  authorizeSubscribe: AuthorizeSubscribeHandler
  authorizeForward: AuthorizeForwardHandler
  published: PublishedHandler
}

/** Options of Aedes; those of Anax may be given as well. An option that neither has is left out, with a warning. */
export interface AedesOptions
  extends Omit<BrokerOptions, keyof AedesHooks | 'mq' | 'persistence' | 'responseInformation'>,
    Partial<AedesHooks> {
  /** The bus: any `mqemitter`. @default `mqemitter` within this process */
  mq?: Bus
  /** The store: any `aedes-persistence` with asynchronous methods. @default in memory */
  persistence?: AedesPersistence
  /** Passed to the default `mqemitter`: messages in delivery at once. @default 100 */
  concurrency?: number
  /** Milliseconds between two messages to `$SYS/<id>/heartbeat`. @default 60000 */
  heartbeatInterval?: number
  /** Without effect: the data received before CONNACK is limited in bytes. @default 42 */
  queueLimit?: number
  /** Longest client identifier in MQTT 3.1, in characters. @default 23 */
  maxClientsIdLength?: number
  /** MQTT 5.0: largest accepted packet in bytes, at least 64; 0 for no limit. @default 0 */
  maximumPacketSize?: number
  /** MQTT 5.0: how many unacknowledged messages a client may send; 0 for no limit. @default 0 */
  receiveMaximum?: number
  /** MQTT 5.0: longest session expiry in seconds; longer requests are reduced to it. 0 for no limit. @default 0 */
  sessionExpiryIntervalLimit?: number
  /**
   * MQTT 5.0: how many sessions may wait for clients that are away; a further one ends at once. 0 for no limit.
   * @default 0
   */
  pendingSessionsLimit?: number
  /** MQTT 5.0: response information for clients that request it. @default null */
  responseInformation?: string | null | ((client: Client) => string | undefined)
  /** For the transport: see `aedes-server-factory`. @default null */
  decodeProtocol?: DecodeProtocolHandler | null
  /** For the transport: see `aedes-server-factory`. @default false */
  trustProxy?: boolean
  /** For the transport: see `aedes-server-factory`. @default [] */
  trustedProxies?: string[]
}

/** An event of Aedes -> its arguments. */
export interface AedesEvents {
  closed: []
  client: [client: Client]
  clientReady: [client: Client]
  clientDisconnect: [client: Client]
  keepaliveTimeout: [client: Client]
  clientError: [client: Client, error: Error]
  connectionError: [client: Client, error: Error]
  connackSent: [packet: ConnackPacket, client: Client]
  ping: [packet: PingreqPacket, client: Client]
  publish: [packet: AedesPublishPacket, client: Client | null]
  ack: [packet: AedesPublishPacket | PubrelPacket, client: Client]
  subscribe: [subscriptions: Subscription[], client: Client]
  unsubscribe: [unsubscriptions: string[], client: Client]
  error: [error: Error]
  /** MQTT 5.0: a session has expired. */
  sessionExpired: [client: Client]
  /** MQTT 5.0: a session, or a delayed will, was over the limit `pendingSessionsLimit`. */
  sessionLimitReached: [client: Client, info: SessionLimit]
  /** MQTT 5.0: the broker closed with a delayed will outstanding; it is in the store. */
  willDropped: [client: Client, will: Will]
}

/** The limit that was exceeded. */
export interface SessionLimit {
  reason: 'sessionExpiry' | 'willDelay'
  /** The option `pendingSessionsLimit`. */
  limit: number
}
