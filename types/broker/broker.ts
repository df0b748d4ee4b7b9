/** The broker as the host sees it. Contracts only. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Callback, Client, ConnectionDetails, DisconnectOptions, PublishInput } from '../client/client.js'
import type { ClusterStats } from '../cluster.js'
import type { Message } from '../message/message.js'
import type { BrokerEvents, DropReason } from './events.js'
import type { Hooks } from './hooks.js'
import type {
  BrokerLimits,
  BrokerStats,
  Page,
  QueuedInfo,
  SampleOptions,
  SessionInfo,
  SessionQuery,
  SlowClient,
  SubscriptionInfo,
  SubscriptionQuery,
  TimingListener,
} from './inspection.js'

/**
 * A listener of the host for the messages of a filter. `done` is optional. An `async` listener is not awaited.
 */
export type MessageListener = (packet: Message, done: () => void) => void

/** Options of `broker.drain`. */
export interface DrainOptions {
  /**
   * The server that MQTT 5.0 clients should connect to: the Server Reference of DISCONNECT and CONNACK [4.13]. @default
   * none
   */
  to?: string
  /** Maximum number of clients disconnected per second. @default 500 */
  perSecond?: number
  /** Whether the wills of the clients are published, as for any connection that the broker ends. @default 'publish' */
  will?: 'publish' | 'discard'
}

/** An MQTT broker without sockets of its own: the host passes streams to it. */
export interface Broker extends EventEmitter<BrokerEvents>, Hooks {
  /** The option `id`, or the random UUID chosen as its default. */
  readonly id: string
  /** True before the broker is started, and from {@link Broker.close} on. */
  readonly closed: boolean
  /**
   * Whether clients that connect now are served: the broker is started, is not being drained, and in a cluster its
   * lease holds. For a health check of a load balancer.
   */
  readonly ready: boolean
  /**
   * Whether the broker is overloaded: clients that connect are refused, except those that {@link Broker.refusesAll}
   * describes. See the events `overload` and `overloadEnd`.
   */
  readonly overloaded: boolean
  /**
   * Whether the broker is overloaded and refuses every client that connects: a server of yours can close connections at
   * once. False while it lets in clients whose queued messages take the memory that is short.
   */
  readonly refusesAll: boolean
  /** The state of the cluster; undefined without one, and while this node is not a member. */
  readonly cluster: ClusterStats | undefined
  /** Number of connected clients. */
  readonly connectedClients: number
  /** Client identifier -> connected client. The object has no prototype. */
  readonly clients: Readonly<Record<string, Client>>
  /** Number of dropped messages by reason since the broker was created. Equals the number of `drop` events so far. */
  readonly drops: Readonly<Record<DropReason, number>>

  /** The limits of the whole broker: maxima for the numbers of `stats()`, and packet sizes. */
  readonly limits: BrokerLimits

  /**
   * Opens the store and starts the timers; `createBroker` does this for you. A closed broker cannot be started again.
   * @throws AnaxError ANAX_ERR_LISTEN if the broker was already started, ANAX_ERR_CLOSED, ANAX_ERR_OPTION,
   * ANAX_ERR_STORE, ANAX_ERR_STORE_FORMAT
   */
  listen(): Promise<void>
  /**
   * Serves the client at the other end of a stream. Bound to the broker, so that it can be used as a connection
   * listener: `net.createServer(broker.handle)`.
   * @param request the HTTP request of a WebSocket upgrade; available as `client.req`
   * @param details further details of the connection; available as `client.address` and `client.details`
   * @throws AnaxError ANAX_ERR_NOT_LISTENING before {@link Broker.listen}, ANAX_ERR_ARGUMENT if `stream` is not a
   * duplex stream, or was handed over already
   */
  readonly handle: (stream: Duplex, request?: IncomingMessage, details?: ConnectionDetails) => Client
  /**
   * Publishes a message of the host, without calling `authorizePublish`. Resolves when the message is stored and on the
   * bus, and the hook `published` has finished; later while a connected receiver that drains has much waiting, so that
   * a loop that awaits each call loses nothing.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE, ANAX_ERR_BUS,
   * ANAX_ERR_QUOTA, and ANAX_ERR_HOOK_FAILED if `published` failed: the message was published nevertheless
   */
  publish(packet: PublishInput): Promise<void>
  publish(packet: PublishInput, callback: Callback): void
  /**
   * Calls a function with every message that matches a filter, until {@link Broker.unsubscribe}.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_BUS
   */
  subscribe(topic: string, listener: MessageListener): Promise<void>
  subscribe(topic: string, listener: MessageListener, callback: () => void): void
  /** Ends {@link Broker.subscribe} for the same filter and function. Does nothing if there is no such subscription. */
  unsubscribe(topic: string, listener: MessageListener): Promise<void>
  unsubscribe(topic: string, listener: MessageListener, callback: () => void): void

  /**
   * Current numbers of connections, sessions, subscriptions and messages, and counters since the broker was created.
   * Cheap: reads counters only.
   */
  stats(): BrokerStats
  /**
   * Lists sessions page by page (in a cluster, those of this node), whether their clients are connected or not, in the
   * order of the UTF-8 bytes of their client identifiers. A session that exists throughout is on exactly one page, even
   * if others begin or end meanwhile.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  sessions(query?: SessionQuery): Promise<Page<SessionInfo>>
  /**
   * One session; undefined if it does not exist.
   * @throws AnaxError ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  session(clientId: string): Promise<SessionInfo | undefined>
  /**
   * Subscriptions, in the order of their client identifiers and then of their filters.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  subscriptions(query?: SubscriptionQuery): Promise<Page<SubscriptionInfo>>
  /**
   * Calls a function with samples of how long hooks, store and bus take, and messages from their arrival to their
   * acknowledgement. Without a listener, nothing is timed.
   * @returns a function that removes the listener
   * @throws AnaxError ANAX_ERR_ARGUMENT
   */
  sampleTimings(listener: TimingListener, options?: SampleOptions): () => void
  /**
   * The connected clients with the most messages waiting for them, the slowest first. Cheap: examines only clients with
   * waiting messages.
   * @param limit maximum number of clients, 1 to 1000. @default 10
   * @throws AnaxError ANAX_ERR_ARGUMENT
   */
  slowClients(limit?: number): SlowClient[]
  /**
   * Iterates the queued messages of a client, oldest first: those in the store, then those in memory. Removes nothing.
   * Iteration rejects with ANAX_ERR_STORE if the store cannot be read.
   * @throws AnaxError ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING
   */
  queued(clientId: string): AsyncIterable<QueuedInfo>
  /**
   * Iterates the retained messages whose topics match a filter.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  retained(filter: string): AsyncIterable<Message>
  /**
   * Deletes the retained messages that match a filter. Subscribers are not notified; to notify them, publish an empty
   * retained message to each topic instead. In a cluster they are notified, because the nodes exchange the deletion as
   * such messages.
   * @returns the number of deleted messages
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  deleteRetained(filter: string): Promise<number>
  /**
   * Disconnects the client as `broker.disconnect` does, then deletes its session. While a hook is deciding about the
   * client, it resolves at once to avoid a deadlock, and the session ends when the hook has answered.
   * @returns whether there was a session
   * @throws AnaxError ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  deleteSession(clientId: string): Promise<boolean>
  /**
   * Disconnects a client as `client.disconnect` does. Its session stays if it has an expiry.
   * @returns whether it was connected
   */
  disconnect(clientId: string, options?: DisconnectOptions): Promise<boolean>
  /**
   * Empties the broker before it is stopped. New clients are refused with 0x9C. Connected ones are disconnected with
   * the same code, some at a time, each after all its received packets are answered. In a cluster, their sessions can
   * be resumed on other nodes immediately. Resolves when no client is connected; the broker continues to run until
   * {@link Broker.close}. A second call waits for the first.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING
   */
  drain(options?: DrainOptions): Promise<void>
  /**
   * Disconnects all clients (5.0: DISCONNECT 0x8B), finishes pending operations, and closes bus and store. Wills are
   * published, because the clients did not send DISCONNECT. Waits at most `closeTimeoutMs` for connections and pending
   * operations, and at most 2 seconds for hooks. A second call waits for the first. If a hook calls it, the promise
   * resolves at once; the event `closed` marks the end.
   */
  close(): Promise<void>
  close(callback: () => void): void
}
