/** The broker as the host sees it. Contracts only. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Callback, Client, ConnectionDetails, DisconnectOptions, PublishInput } from './client.js'
import type { ClusterStats } from './cluster.js'
import type { BrokerEvents, DropReason } from './events.js'
import type { Hooks } from './hooks.js'
import type {
  BrokerStats,
  Page,
  QueuedInfo,
  SessionInfo,
  SessionQuery,
  SubscriptionInfo,
  SubscriptionQuery,
} from './inspection.js'
import type { Message } from './message.js'

/**
 * Receives messages of a filter inside the host; `done` may be left out of the parameters. Nothing waits for the
 * promise of one that is `async`.
 */
export type MessageListener = (packet: Message, done: () => void) => void

/** An MQTT broker without a socket of its own: the host hands it streams. */
export interface Broker extends EventEmitter<BrokerEvents>, Hooks {
  /** The option `id`, or the UUID that stands for it. */
  readonly id: string
  /** True before it is started, and from {@link Broker.close} on. */
  readonly closed: boolean
  /** What can be seen of the cluster; undefined without one, and while this node is not part of it. */
  readonly cluster: ClusterStats | undefined
  /** Number of connected clients. */
  readonly connectedClients: number
  /** Client identifier -> connected client. The object has no prototype. */
  readonly clients: Readonly<Record<string, Client>>
  /** How many messages did not reach a client, by reason, since the broker was made: as many as `drop` told, now. */
  readonly drops: Readonly<Record<DropReason, number>>

  /**
   * Opens the store and starts the timers; `createBroker` has done so. Once only: a closed broker stays closed.
   * @throws AnaxError ANAX_ERR_LISTEN where it was started before, ANAX_ERR_CLOSED, ANAX_ERR_OPTION, ANAX_ERR_STORE,
   * ANAX_ERR_STORE_FORMAT
   */
  listen(): Promise<void>
  /**
   * Takes over a stream that a client is at the other end of. Bound to the broker, so that it can be a
   * connection listener: `net.createServer(broker.handle)`.
   * @param request the HTTP request of a WebSocket upgrade; ends up as `client.req`
   * @param details what is known of the connection beside the stream; ends up as `client.address` and `client.details`
   * @throws AnaxError ANAX_ERR_NOT_LISTENING before {@link Broker.listen}, ANAX_ERR_ARGUMENT for what is no stream
   */
  readonly handle: (stream: Duplex, request?: IncomingMessage, details?: ConnectionDetails) => Client
  /**
   * Publishes on the host's own behalf, without asking `authorizePublish`.
   * Resolves when the message is stored and on the bus, and `published` has been told.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE, ANAX_ERR_BUS,
   * ANAX_ERR_QUOTA, and ANAX_ERR_HOOK_FAILED where `published` failed: then the message is out
   */
  publish(packet: PublishInput): Promise<void>
  publish(packet: PublishInput, callback: Callback): void
  /**
   * Has a function called with every message that matches a filter, until {@link Broker.unsubscribe}.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_BUS
   */
  subscribe(topic: string, listener: MessageListener): Promise<void>
  subscribe(topic: string, listener: MessageListener, callback: () => void): void
  /** Ends {@link Broker.subscribe}: the same filter, the same function. What was never subscribed is no error. */
  unsubscribe(topic: string, listener: MessageListener): Promise<void>
  unsubscribe(topic: string, listener: MessageListener, callback: () => void): void

  /** How much there is of everything, and what was counted since the broker was made. Cheap: nothing is searched. */
  stats(): BrokerStats
  /**
   * Sessions (in a cluster, those of this node), of clients that are connected and of others, in the order of their client identifiers (by UTF-8 bytes). A
   * session that is there all the time is on exactly one page, whatever comes and goes meanwhile.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  sessions(query?: SessionQuery): Promise<Page<SessionInfo>>
  /**
   * One session; undefined where there is none.
   * @throws AnaxError ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  session(clientId: string): Promise<SessionInfo | undefined>
  /**
   * Subscriptions, in the order of their client identifiers and then of their filters.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  subscriptions(query?: SubscriptionQuery): Promise<Page<SubscriptionInfo>>
  /**
   * What waits for a client, oldest first, read as it is asked for: what the store has, then what waits in memory. Takes
   * nothing out. Iterating rejects with ANAX_ERR_STORE where the store cannot be read.
   * @throws AnaxError ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING
   */
  queued(clientId: string): AsyncIterable<QueuedInfo>
  /**
   * The retained messages of a filter, one by one from the store.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  retained(filter: string): AsyncIterable<Message>
  /**
   * Deletes the retained messages of a filter from the store. Subscribers are not told: who wants that publishes an empty
   * retained message to each topic. In a cluster they are told: that is how nodes hear of it.
   * @returns how many there were
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  deleteRetained(filter: string): Promise<number>
  /**
   * Ends a session with all that it has, and the connection of its client before that, as `broker.disconnect` does.
   * @returns whether there was one
   * @throws AnaxError ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_STORE
   */
  deleteSession(clientId: string): Promise<boolean>
  /**
   * Ends the connection of a client, as `client.disconnect` does; its session stays if it has an expiry.
   * @returns whether it was connected
   */
  disconnect(clientId: string, options?: DisconnectOptions): Promise<boolean>
  /**
   * Lets every client go (DISCONNECT 0x8B where the version has one), finishes what is under way, closes bus and store.
   * Wills are published, as the connections end without the clients' DISCONNECT. What has not ended within
   * `closeTimeoutMs` is not waited for, nor are hooks that do not answer within 2 seconds. A second call waits for the first.
   * A hook that calls it gets its promise resolved at once, and the event `closed` tells the end.
   */
  close(): Promise<void>
  close(callback: () => void): void
}
