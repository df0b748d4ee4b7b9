/** The types of Aedes's own declarations, for applications that import them. Contracts only. */
import type { Duplex } from 'node:stream'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { Bus } from '../../types/bus.js'
import type { Message } from '../../types/message/message.js'
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
} from '../../types/message/packets.js'
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
/** The stream of a client. */
export type Connection = Duplex
/** Broker identifier -> time of its last message, in milliseconds since the epoch. */
export type Brokers = Readonly<Record<string, number>>
/** Subscriptions in the form of a SUBSCRIBE. */
export type Subscriptions = { subscriptions: Subscription[] }

/** Return codes of CONNACK in MQTT 3.1 and 3.1.1, with Aedes's names. */
export const AuthErrorCode = {
  UNNACCEPTABLE_PROTOCOL: 1,
  IDENTIFIER_REJECTED: 2,
  SERVER_UNAVAILABLE: 3,
  BAD_USERNAME_OR_PASSWORD: 4,
  NOT_AUTHORIZED: 5,
} as const
export type AuthErrorCode = (typeof AuthErrorCode)[keyof typeof AuthErrorCode]

/** The error of a refusing `authenticate`. */
export type AuthenticateError = Error & { returnCode: AuthErrorCode }

/** An error of `preConnect` and `authenticate` that sends an MQTT 5.0 client to another server. */
export type RedirectError = Error & {
  /** One or more servers in the form of MQTT 5.0: `host` or `host:port`, separated by spaces. */
  serverReference: string
  /** 0x9D, server moved; any other value means 0x9C, use another server. */
  reasonCode?: number
}

type Done = (error?: Error | null) => void

/** Accepts or refuses a connection before anything else. Calls back with an error or with `false` to refuse. */
export type PreConnectHandler = (
  client: Client,
  packet: ConnectPacket,
  callback: (error: Error | null, success?: boolean) => void,
) => unknown
/** Authenticates a client. Calls back with `true`, or with an error whose `returnCode` is sent in CONNACK. */
export type AuthenticateHandler = (
  client: Client,
  username: string | undefined,
  password: Buffer | undefined,
  done: (error: (Error & { returnCode?: number }) | null, success?: boolean | null) => void,
) => unknown
/** Authorizes a message or a will, and may change it. Calls back with an error to refuse it. */
export type AuthorizePublishHandler = (client: Client | null, packet: PublishPacket, callback: Done) => unknown
/** Authorizes a subscription: calls back with it, changed or not, with `null` to refuse it, or with an error. */
export type AuthorizeSubscribeHandler = (
  client: Client,
  subscription: Subscription,
  callback: (error: Error | null, subscription?: Subscription | null) => void,
) => unknown
/** Decides whether a client gets a message: returns the message, changed or not, or nothing to withhold it. */
export type AuthorizeForwardHandler = (
  client: Client,
  packet: AedesPublishPacket,
) => AedesPublishPacket | null | undefined | false | void
/** Called for each published message; the acknowledgement waits until it calls back. */
export type PublishedHandler = (packet: AedesPublishPacket, client: Client | null, callback: Done) => unknown
// biome-ignore-start lint/suspicious/noExplicitAny: the application and its transport agree on it
/** Finds the client's address; called by transports such as `aedes-server-factory`. */
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

/**
 * Options of Aedes; those of Anax may be passed as well. An option that is unknown to both is ignored, with a warning.
 */
export interface AedesOptions
  extends Omit<BrokerOptions, keyof AedesHooks | 'mq' | 'persistence' | 'responseInformation'>,
    Partial<AedesHooks> {
  /** The bus: any `mqemitter`. @default `mqemitter` within this process */
  mq?: Bus
  /** The store: any `aedes-persistence` with asynchronous methods. @default in memory */
  persistence?: AedesPersistence
  /** Passed to the default `mqemitter`: the number of messages delivered at the same time. @default 100 */
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
   * MQTT 5.0: maximum number of sessions of disconnected clients; a further one ends immediately. 0 for no limit.
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
  /** MQTT 5.0: a session, or a delayed will, exceeded the limit `pendingSessionsLimit`. */
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
