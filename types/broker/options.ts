/** The options of a broker. Contracts only; lib/broker/options.ts has the defaults and the checks. */
import type { Bus } from '../bus.js'
import type { Client } from '../client/client.js'
import type { AuthenticationDelay, FlappingOptions, RateOptions } from '../client/rates.js'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster.js'
import type { Logger } from '../logger.js'
import type { QoS } from '../message/packets.js'
import type { AedesPersistence, OverflowPolicy, QueueLimits } from '../persistence.js'
import type { Hooks } from './hooks.js'

/** How a shared subscription selects the member that receives a message. */
export type SharedStrategy = 'round-robin' | 'random' | 'sticky' | 'least-inflight'

/** Broker configuration. An unknown name or an invalid value is refused with ANAX_ERR_OPTION. */
export interface BrokerOptions extends Hooks {
  /** Unique identifier of this broker, without `+` and `#`. @default a random UUID */
  id?: string
  /** The bus: any `mqemitter`. @default `mqemitter` within this process */
  mq?: Bus
  /** The store: any `aedes-persistence` 11. @default in memory */
  persistence?: AedesPersistence
  /**
   * Makes the broker a node of a cluster, for example `natsCluster()` of `anax/nats`. The nodes share one log, and
   * sessions move between them. The broker's `id` is the name of the node. Replaces `mq` and `persistence`. @default
   * none
   */
  cluster?: Cluster
  /** How long the lease of a cluster node lasts without renewal, in milliseconds, 500 to 3,600,000. @default 15000 */
  leaseMs?: number
  /**
   * What a cluster node does with its clients when its lease is lost. `disconnect` ends all connections.
   * `keep-stateless` keeps clients that have neither a stored session nor a will: they continue with QoS 0 among the
   * clients of this node, and rejoin the cluster together with the node, unless they have connected elsewhere.
   * @default 'disconnect'
   */
  lostLease?: 'disconnect' | 'keep-stateless'
  /** Concurrency of the default `mqemitter`: messages delivered at the same time, 0 for no limit. @default 0 */
  concurrency?: number
  /** The source of time; a test may pass a fake clock. @default the system clock */
  clock?: Clock

  /** Time limit for connecting, in milliseconds: CONNECT must arrive and the hooks must accept it. @default 30000 */
  connectTimeout?: number
  /** Time limit for the answer of a hook, in milliseconds; 0 for no limit. @default 10000 */
  hookTimeoutMs?: number
  /**
   * Time limit for one operation of the store, in milliseconds; 0 for no limit. A later answer counts as a failure.
   * @default 20000
   */
  storeTimeoutMs?: number
  /**
   * How long a client's socket may stay full before the client is disconnected, in milliseconds; 0 for no limit.
   * @default 60000
   */
  drainTimeout?: number
  /**
   * Time limits of `close()`, in milliseconds: one for pending operations and one for connections to end; 0 for no
   * limit. @default 5000
   */
  closeTimeoutMs?: number

  /**
   * Longest keep alive in seconds. MQTT 5.0 clients that request more get this as Server Keep Alive; older clients keep
   * their own. 0 for no limit. @default 0
   */
  keepaliveLimit?: number
  /** Longest client identifier in bytes, in all versions. @default 65535; 23 in MQTT 3.1 */
  maxClientsIdLength?: number
  /** Maximum number of levels in a topic, 1 to 100. @default 100 */
  maxTopicLevels?: number
  /** Largest accepted packet in bytes, including its header. The protocol allows 268435460. @default 2 MiB */
  maxPacketSize?: number
  /**
   * Largest accepted packet in bytes before a client is connected, in particular CONNECT; never more than
   * `maxPacketSize`. @default 64 KiB
   */
  maxConnectSize?: number
  /**
   * Maximum bytes of packets that have not arrived in full, of all clients together. When more arrive, the client that
   * holds most of them is disconnected with 0x97. @default 256 MiB
   */
  maxIncompleteBytes?: number
  /** Maximum number of user properties in CONNECT and its will together; more are refused with 0x97. @default 100 */
  maxUserProperties?: number
  /**
   * Maximum number of connected clients; further ones are refused with 0x89. Streams that have not sent CONNECT count
   * as well: a tenth more (at least 16) may be open, so that clients can be refused in CONNACK; further ones are closed
   * at once.
   * @default 100000
   */
  maxConnections?: number
  /**
   * Maximum number of sessions in the store. A client that would need one more is refused with 0x97; no session is
   * ended to make room. Clients without a session that outlives their connection do not count. Not checked with stores
   * that do not count their sessions. @default 100000
   */
  maxSessions?: number
  /**
   * Maximum bytes of client identifiers, user names and filters of all sessions in the store. A client that would need
   * more is refused with 0x97, and so is a subscription. Not checked with stores that do not count them. @default 256
   * MiB
   */
  maxSessionBytes?: number

  /**
   * Maximum number of subscriptions of one session. SUBACK has 0x97 (before 5.0: 0x80) for each further filter. Calls
   * of `client.subscribe()` are not limited, and a resumed session keeps all its subscriptions. @default 10000
   */
  maxSubscriptions?: number
  /**
   * Maximum bytes of the subscriptions of one connected client: for each, its filter and 256 bytes of overhead. SUBACK
   * has 0x97 (before 5.0: 0x80) for each filter without room. As for `maxSubscriptions`, calls of `client.subscribe()`
   * and resumed sessions count, and are not limited. @default 4 MiB
   */
  maxSubscriptionBytes?: number
  /** The same for all connected clients together. @default 1 GiB */
  maxTotalSubscriptionBytes?: number
  /** Maximum number of filters in one SUBSCRIBE or UNSUBSCRIBE; more end the connection with 0x97. @default 2000 */
  maxFiltersPerPacket?: number
  /** Longest session expiry in seconds; longer requests are reduced to it. @default 0xFFFFFFFF, never */
  maxSessionExpiry?: number
  /**
   * Maximum number of wills in the store: of connected clients, and delayed ones. A client with a further will is
   * refused with 0x97. @default 100000
   */
  maxWills?: number
  /** Maximum bytes of all of them: topics, payloads and properties; refused in the same way. @default 64 MiB */
  maxWillBytes?: number
  /** Longest will delay in seconds; longer ones are reduced to it. @default 7776000, 90 days */
  maxWillDelay?: number
  /** Session expiry in seconds of 3.1 and 3.1.1 sessions that are not clean. @default 0xFFFFFFFF, never */
  defaultSessionExpiry?: number
  /**
   * How many unacknowledged QoS 1 and 2 messages an MQTT 5.0 client may send; more is a protocol violation, 0x93.
   * @default 65535, which CONNACK does not have to state
   */
  receiveMaximum?: number
  /**
   * How many unreleased QoS 2 messages a 3.1 or 3.1.1 client may have before it is disconnected; 0 for no limit.
   * @default 65535
   */
  maxInflightInbound?: number
  /**
   * How many packets of one client the broker processes at the same time, waiting for hooks, store or bus. At this
   * limit it stops reading from the client. Messages that wait for PUBREL do not count.
   * @default 100; if `receiveMaximum` is set, one more than that, to detect a client that exceeds it
   */
  maxConcurrentPackets?: number
  /** How many unacknowledged QoS 1 and 2 messages the broker sends to one client. @default 100 */
  maxInflight?: number
  /** Topic aliases that a client may define. @default 16 */
  topicAliasMaximum?: number
  /** Topic aliases that the broker uses towards a client, if the client allows them. @default 16 */
  maxOutboundTopicAliases?: number

  /** Highest QoS: a PUBLISH above it ends the connection, a subscription is granted at most this. @default 2 */
  maximumQoS?: QoS
  /** Whether messages may be retained. @default true */
  retainAvailable?: boolean
  /** Whether filters may have `+` and `#`. @default true */
  wildcardSubscriptionAvailable?: boolean
  /** Whether subscriptions may have identifiers. @default true */
  subscriptionIdentifiersAvailable?: boolean
  /** Whether filters may begin with `$share/`. @default true */
  sharedSubscriptionAvailable?: boolean
  /** Which member of a shared subscription gets a message. @default 'round-robin' */
  sharedStrategy?: SharedStrategy
  /** Response information for clients that request it. @default none */
  responseInformation?: string | ((client: Client) => string | undefined)
  /** Whether payloads marked as UTF-8 are validated; invalid ones are refused with 0x99. @default false */
  validatePayloadFormat?: boolean
  /**
   * What happens when `authorizePublish` refuses a message of a client before 5.0, unless the hook decides it
   * (`olderClients`): the connection is closed, or the message is acknowledged and dropped. @default 'disconnect'
   */
  refusedPublish?: 'disconnect' | 'acknowledge'

  /** Maximum number of messages in the queue of one session. @default 1000 */
  maxQueuedMessages?: number
  /**
   * Maximum number of messages that may wait for a connected client that drains its queue. Above half of this, and
   * above half of `maxQueuedBytes`, publishers wait for it. @default 100000; `maxQueuedMessages` if that is set
   */
  maxBurstMessages?: number
  /** Maximum bytes of payloads and properties in the queue of one session. @default 16 MiB */
  maxQueuedBytes?: number
  /**
   * Maximum bytes of payloads and properties in all queues together. @default 1 GiB; without `persistence` at most an
   * eighth of the memory of the machine or container, and a quarter of the heap's limit
   */
  maxTotalQueuedBytes?: number
  /** What happens when a queue is full. @default 'drop-newest' */
  queueOverflow?: OverflowPolicy
  /** Overrides the limits of one client's queue. Called for each queued message, and when a session is opened. */
  queueLimits?: (clientId: string) => Partial<QueueLimits> | undefined
  /**
   * Whether QoS 0 messages are queued for stored sessions whose clients are disconnected and whose subscriptions have
   * QoS 1 or 2. A message of a shared subscription is queued only if all members are disconnected. @default false
   */
  queueQoS0?: boolean
  /**
   * Maximum bytes of messages waiting in memory for one client; beyond this, its QoS 0 messages are dropped. @default 1
   * MiB
   */
  maxOutboxBytes?: number
  /**
   * The same for a client that drains, or began to have messages waiting less than 2 seconds ago; as long as all
   * clients together have less than a quarter of `maxTotalQueuedBytes` waiting in memory. @default 16 MiB;
   * `maxOutboxBytes` where that is given
   */
  maxBurstBytes?: number

  /**
   * Maximum number of retained messages. A message that exceeds this or one of the following limits is refused with
   * 0x97. @default 1000000; without `persistence` at most one for each 512 bytes of `maxRetainedBytes`
   */
  maxRetainedMessages?: number
  /**
   * Maximum bytes of payloads and properties of all retained messages. @default 256 MiB; without `persistence` at most
   * an eighth of the memory of the machine or container, and a quarter of the heap's limit
   */
  maxRetainedBytes?: number
  /** Maximum payload bytes of one retained message. @default Infinity */
  maxRetainedPayload?: number
  /** Maximum lifetime of a retained message in seconds. @default Infinity */
  maxRetainedExpiry?: number

  /**
   * Rates of what clients send, and of CONNECT: of each client, of each address and of all together. A client above a
   * rate is slowed down; `authenticate` may give one client other limits. @default no limits
   */
  rates?: RateOptions
  /**
   * Slows down clients of an address that failed to authenticate; the delay grows with each failure, and a success of
   * that address ends it. Clients without an address are not slowed down. @default no delay
   */
  authenticationDelay?: AuthenticationDelay
  /** When the event `flapping` is emitted, and whether a ban follows. @default 10 takeovers in 60 seconds, no ban */
  flapping?: FlappingOptions
  /**
   * Average delay of the event loop, in milliseconds, above which the broker is overloaded: it refuses further clients
   * with 0x89 and drops QoS 0 messages until the delay is half of that. Other code of the process delays it as well.
   * @default Infinity, not measured
   */
  maxEventLoopDelayMs?: number
  /**
   * Bytes of heap and buffers of the process above which the broker is overloaded, in the same way. Nine tenths of the
   * heap's own limit always count as overload, and in a container nine tenths of its memory, less 48 MiB for code and
   * sockets. @default Infinity
   */
  maxMemoryBytes?: number

  /** Seconds between two updates of the retained messages below `$SYS/broker/`; 0 for none. @default 0 */
  sysInterval?: number
  /**
   * Receives a line for each problem, and for connecting and disconnecting clients: pino, or a logger with its
   * interface. Levels are read when the broker is created; a disabled level costs nothing. @default none
   */
  logger?: Logger
}
