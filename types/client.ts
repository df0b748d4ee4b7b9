/** One connection as hooks, events and the host see it. Contracts only. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ProtocolVersion, PublishProperties, QoS, Subscription, UserProperties, Will } from './packets.js'

/** What the host may publish: a topic, and whatever differs from the defaults. */
export interface PublishInput {
  cmd?: 'publish'
  /** Without wildcards. */
  topic: string
  /** A buffer must not be changed afterwards. @default an empty payload */
  payload?: string | Buffer
  /** The quality of service it is published with. @default 0 */
  qos?: QoS
  /** Whether it becomes the retained message of its topic; an empty payload takes that away. @default false */
  retain?: boolean
  /** Taken for the sake of whole packets, and without effect. */
  dup?: boolean
  /** MQTT 5.0 properties; `messageExpiryInterval` (seconds) is counted down by the broker. */
  properties?: PublishProperties
}

/** A subscription that a client holds. */
export interface ClientSubscription extends Subscription {
  /** The number that the client gave it, which its messages carry (5.0). */
  subscriptionIdentifier?: number | undefined
  /** The filter that the client asked for, where `authorizeSubscribe` granted another one. */
  requested?: string | undefined
}

/** How the host ends a connection. */
export interface DisconnectOptions {
  /** What an MQTT 5.0 client is told. @default 0x98, administrative action */
  reasonCode?: number
  /** The same in words, for people. @default none */
  reasonString?: string
  /** Where else to connect; goes with reason codes 0x9C and 0x9D. */
  serverReference?: string
  /** What becomes of the client's will: of one who may not stay, it may be better discarded. @default 'publish' */
  will?: 'publish' | 'discard'
  /** Whatever else the client is to know. @default none */
  userProperties?: UserProperties
}

/** What is known of a connection beside its stream. Where a proxy was trusted, the client's own address is in it. */
export interface ConnectionDetails {
  /** The client's IP address. @default that of the stream, where it is a socket */
  address?: string | undefined
  /** The client's port. @default that of the stream, where it is a socket */
  port?: number | undefined
  /** How it came: `tcp`, `tls`, `ws`, `wss` or `unix`; whatever the host likes for a transport of its own. */
  transport?: string | undefined
  /** The name of the listener that it came by. */
  listener?: string | undefined
}

/** Called when done, with an error where it failed. */
export type Callback = (error?: Error | null) => void

/** Event of a client -> arguments. */
export interface ClientEvents {
  /** The connection is established and CONNACK is sent. */
  connected: []
  /** The connection is closed. */
  close: []
}

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
   * Who the client is, for a hook that found out: noted with its messages and its will.
   * @default the user name of CONNECT, whether it was proved or not
   */
  principal: string | undefined
  /** Seconds, as agreed with the client. */
  readonly keepalive: number
  /** The will that is published if the connection breaks. */
  readonly will: Will | undefined
  /** The stream that the host handed to the broker. */
  readonly conn: Duplex
  /** The HTTP request of a WebSocket upgrade, if the host passed one. */
  readonly req: IncomingMessage | undefined
  /** The IP address of the other end, or of the client behind a trusted proxy; undefined where the stream has none. */
  readonly address: string | undefined
  /** The rest of what is known of the connection: port, transport, name of the listener. */
  readonly details: Readonly<ConnectionDetails>
  /** CONNECT arrived and is being answered. */
  readonly connecting: boolean
  /** The client was let in. */
  readonly connected: boolean
  /** Nothing is left of it. */
  readonly closed: boolean
  /** User properties of CONNECT. */
  readonly userProperties: UserProperties | undefined
  /** Free for the host: whatever its hooks want to remember of this client. */
  context: unknown
  /** Topic filter -> subscription, as a view: it always shows the current ones. */
  readonly subscriptions: ReadonlyMap<string, ClientSubscription>
  /** How many messages for this client were dropped while it was connected; the event `drop` tells of each. */
  readonly drops: number

  /**
   * Sends a message to this client alone, whatever it is subscribed to.
   * Resolves when it is on its way, or in the queue of its stored session; it does not wait for the client's answer.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_STORE, ANAX_ERR_QUOTA
   */
  publish(message: PublishInput): Promise<void>
  publish(message: PublishInput, callback: Callback): void
  /**
   * Subscribes this client as if it had sent SUBSCRIBE, without asking `authorizeSubscribe`.
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
   * Closes the connection, as an administrative action: the will is published. Resolves when it is closed; at once while a
   * hook is asked about this client, as that hook may be what waits: then the connection ends when the hook has answered.
   */
  close(): Promise<void>
  close(callback: () => void): void
  /** Like {@link Client.close}, telling an MQTT 5.0 client why and where else to go. */
  disconnect(options?: DisconnectOptions): Promise<void>
}

/** Filters to unsubscribe from: strings, or objects with a topic as Aedes has them. */
export type UnsubscribeInput =
  | string
  | { topic: string }
  | (string | { topic: string })[]
  | { unsubscriptions: string[] }
  | { subscriptions: { topic: string }[] }
