/** The public interface of one client connection. Contracts only. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ProtocolVersion, PublishProperties, QoS, Subscription, UserProperties, Will } from '../message/packets.js'
import type { ClientLimits } from './limits.js'
import type { ClientStats } from './stats.js'

/** A message to publish: a topic, and values that differ from the defaults. */
export interface PublishInput {
  cmd?: 'publish'
  /** Without wildcards. */
  topic: string
  /** A buffer must not be changed afterwards. @default an empty payload */
  payload?: string | Buffer
  /** Quality of service of the message. @default 0 */
  qos?: QoS
  /** Whether the broker retains the message; an empty payload deletes the retained message. @default false */
  retain?: boolean
  /** Accepted so that a received packet can be passed on; has no effect. */
  dup?: boolean
  /** MQTT 5.0 properties; the broker counts `messageExpiryInterval` (seconds) down. */
  properties?: PublishProperties
}

/** A subscription of a client. */
export interface ClientSubscription extends Subscription {
  /** The subscription identifier (5.0). */
  subscriptionIdentifier?: number | undefined
  /** The filter that the client requested, if `authorizeSubscribe` granted another one. */
  requested?: string | undefined
}

/** Options for disconnecting a client. */
export interface DisconnectOptions {
  /** Reason code for an MQTT 5.0 client. @default 0x98, administrative action */
  reasonCode?: number
  /** Reason string for an MQTT 5.0 client. @default none */
  reasonString?: string
  /** Another server to use; for reason codes 0x9C and 0x9D. */
  serverReference?: string
  /**
   * Whether the client's will is published; discard it for a client that was banned, for example. @default 'publish'
   */
  will?: 'publish' | 'discard'
  /** User properties of DISCONNECT (5.0). @default none */
  userProperties?: UserProperties
}

/** Details of a connection. Behind a trusted proxy, they contain the client's own address. */
export interface ConnectionDetails {
  /** The client's IP address. @default that of the stream, if it is a socket */
  address?: string | undefined
  /** The client's port. @default that of the stream, if it is a socket */
  port?: number | undefined
  /** The transport: `tcp`, `tls`, `ws`, `wss`, `unix`, or any name for a custom one. */
  transport?: string | undefined
  /** The name of the listener that accepted it. */
  listener?: string | undefined
}

/** Called on completion, with an error if the operation failed. */
export type Callback = (error?: Error | null) => void

/** Event of a client -> arguments. */
export interface ClientEvents {
  /** The connection is established and CONNACK is sent. */
  connected: []
  /** A SUBSCRIBE of the client has created these subscriptions: they are stored and live. SUBACK is sent next. */
  subscribed: [filters: readonly string[]]
  /** The stream is full, because the client does not read. Further messages for it wait, within limits. */
  blocked: []
  /** The stream accepts data again, and all waiting data was written to it. */
  drain: []
  /** The connection is closed. */
  close: []
}

// biome-ignore-start lint/suspicious/noEmptyInterface: only an interface can be extended
/**
 * Empty, for an application to declare the type of what it keeps at its clients:
 * `declare module 'anax' { interface ClientTypes { context: User } }`.
 */
export interface ClientTypes {}
// biome-ignore-end lint/suspicious/noEmptyInterface: as above

/** The type of `client.context`: the declared one, or undefined; unknown if none is declared in {@link ClientTypes}. */
export type ClientContext = ClientTypes extends { context: infer Context } ? Context | undefined : unknown

/** A client's connection. */
export interface Client extends EventEmitter<ClientEvents> {
  /** Client identifier; empty until CONNECT was accepted. */
  readonly id: string
  /** Clean session (3.1, 3.1.1) or clean start (5.0). */
  readonly clean: boolean
  /** Protocol level; undefined until CONNECT arrived. */
  readonly version: ProtocolVersion | undefined
  /** The user name of CONNECT. */
  readonly username: string | undefined
  /**
   * The authenticated identity of the client, set by a hook. Recorded with its messages and its will. @default the user
   * name of CONNECT, even if it was not verified
   */
  principal: string | undefined
  /**
   * What a hook knows about the client in addition to its name, as a plain value, such as roles. Stored with its will
   * if it is set before the client is accepted, so that hooks have it when the will is published after a restart.
   * @default undefined
   */
  claims: unknown
  /**
   * Limits of this client instead of the options, as `authenticate` returned them. They can be set at any time: new
   * limits replace all earlier ones, and apply to what the client sends from then on. CONNACK has announced the earlier
   * ones. Setting invalid limits throws ANAX_ERR_ARGUMENT. @default undefined: the options apply
   */
  limits: ClientLimits | undefined
  /**
   * Bytes of an incomplete message that the transport has received and cannot pass on yet, for transports such as
   * WebSocket that pass on complete messages only. They count towards `maxIncompleteBytes`. Set by the listeners of
   * `anax/server`, or by your own transport; reset to 0 when the connection ends. @default 0
   */
  heldBytes: number
  /** Keep alive in seconds; 0 for none. */
  readonly keepalive: number
  /** The will that is published if the connection breaks. */
  readonly will: Will | undefined
  /** The stream that the host passed to the broker. */
  readonly conn: Duplex
  /** The HTTP request of a WebSocket upgrade, if the host passed one. */
  readonly req: IncomingMessage | undefined
  /** The IP address of the peer, or of the client behind a trusted proxy; undefined if the stream has none. */
  readonly address: string | undefined
  /** Further details of the connection: port, transport, name of the listener. */
  readonly details: Readonly<ConnectionDetails>
  /** True from CONNECT until CONNACK. */
  readonly connecting: boolean
  /** True while the client is connected: its CONNECT was accepted, and the connection has not ended. */
  readonly connected: boolean
  /** True once the connection is closed. */
  readonly closed: boolean
  /**
   * User properties of CONNECT. More than 4 KiB of them are kept beyond `clientReady` only if a hook may be asked
   * later: `authenticateExtended`, `authorizePublish`, `authorizeSubscribe`, `authorizeForward` or `published`.
   */
  readonly userProperties: UserProperties | undefined
  /** For use by the host: any value that belongs to this client. @default undefined */
  context: ClientContext
  /** Topic filter -> subscription; a live view of the current subscriptions. */
  readonly subscriptions: ReadonlyMap<string, ClientSubscription>
  /** Number of messages for this client that were dropped while it was connected; each is also a `drop` event. */
  readonly drops: number
  /** The current numbers of the connection: its traffic, and its pending messages. */
  readonly stats: ClientStats

  /**
   * Sends a message to this client only, regardless of its subscriptions. Resolves when the message was sent, or queued
   * for the stored session; later while the client drains and has much waiting. Does not wait for its acknowledgement.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_STORE, ANAX_ERR_QUOTA
   */
  publish(message: PublishInput): Promise<void>
  publish(message: PublishInput, callback: Callback): void
  /**
   * Subscribes this client as if it had sent SUBSCRIBE, without calling `authorizeSubscribe`.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_STORE
   */
  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }): Promise<void>
  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }, callback: Callback): void
  /**
   * Ends subscriptions of this client.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_STORE
   */
  unsubscribe(topics: UnsubscribeInput): Promise<void>
  unsubscribe(topics: UnsubscribeInput, callback: Callback): void
  /**
   * Closes the connection as an administrative action; the will is published. Resolves when the connection is closed.
   * While a hook is deciding about this client, it resolves at once to avoid a deadlock, and the connection ends when
   * the hook has answered.
   */
  close(): Promise<void>
  close(callback: () => void): void
  /**
   * Like {@link Client.close}, with a reason and another server for an MQTT 5.0 client.
   * @throws AnaxError ANAX_ERR_ARGUMENT
   */
  disconnect(options?: DisconnectOptions): Promise<void>
}

/** Filters to unsubscribe from: strings, or objects with a topic as Aedes has them. */
export type UnsubscribeInput =
  | string
  | { topic: string }
  | (string | { topic: string })[]
  | { unsubscriptions: string[] }
  | { subscriptions: { topic: string }[] }
