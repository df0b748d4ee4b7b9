/** The options of a broker. Contracts only; lib/broker/options.ts has the defaults and the checks. */
import type { Bus } from './bus.js'
import type { Client } from './client.js'
import type { Clock } from './clock.js'
import type { Cluster } from './cluster.js'
import type { Hooks } from './hooks.js'
import type { QoS } from './packets.js'
import type { AedesPersistence, OverflowPolicy, QueueLimits } from './persistence.js'

/** How a shared subscription chooses the member that gets a message. */
export type SharedStrategy = 'round-robin' | 'random' | 'sticky' | 'least-inflight'

/** How a broker is to be. Refused with ANAX_ERR_OPTION: a name that is not here, a value that is not acceptable. */
export interface BrokerOptions extends Hooks {
  /** Unique identifier of this broker. @default a random UUID */
  id?: string
  /** The bus: any `mqemitter`. @default `mqemitter` within this process */
  mq?: Bus
  /** The store: any `aedes-persistence` 11. @default in memory */
  persistence?: AedesPersistence
  /**
   * Makes the broker a node of a cluster, like `natsCluster()` of `anax/nats`: one log, and sessions that move between nodes.
   * The broker's `id` is the name of the node. Takes the place of `mq` and `persistence`. @default none
   */
  cluster?: Cluster
  /** Milliseconds that a node of a cluster may go without renewing its lease, 500 to 3,600,000. @default 15000 */
  leaseMs?: number
  /** Passed to the default `mqemitter`: messages in delivery at once, 0 for no bound. @default 0 */
  concurrency?: number
  /** Where time comes from; a test may hand in its own. @default the system's */
  clock?: Clock

  /** Milliseconds until a client must be let in: CONNECT has arrived, and the hooks have answered. @default 30000 */
  connectTimeout?: number
  /** Milliseconds a hook may take to answer, 0 for no bound. @default 10000 */
  hookTimeoutMs?: number
  /** Milliseconds the store may take for one operation, 0 for no bound; then it counts as failed. @default 20000 */
  storeTimeoutMs?: number
  /** Milliseconds a client may leave its socket full before it is disconnected, 0 for no bound. @default 60000 */
  drainTimeout?: number
  /** Milliseconds that `close()` waits for what is under way, and again for connections to end, 0 for no bound. @default 5000 */
  closeTimeoutMs?: number

  /** Longest keep alive in seconds, told to MQTT 5.0 clients that ask for more (others cannot be told); 0 for no bound. @default 0 */
  keepaliveLimit?: number
  /** Longest client identifier in bytes. @default 65535 (23 for MQTT 3.1) */
  maxClientsIdLength?: number
  /** Most levels in a topic, 1 to 100. @default 100 */
  maxTopicLevels?: number
  /** Largest packet in bytes that is accepted, header included. @default 268435460, the protocol's own limit */
  maxPacketSize?: number
  /**
   * Largest packet in bytes of a client that was not let in yet, CONNECT above all; never more than `maxPacketSize`.
   * @default 1 MiB: all fields of a CONNECT at their largest take 640 KiB, and only user properties take more
   */
  maxConnectSize?: number
  /** Most connections at once; further ones are refused with 0x89. @default Infinity */
  maxConnections?: number

  /**
   * Subscriptions of one session; a SUBSCRIBE gets 0x97 (before 5.0: 0x80) for each filter beyond. The application's own
   * `client.subscribe()` is not bound, and a session that is resumed keeps what it has. @default Infinity
   */
  maxSubscriptions?: number
  /** Longest session expiry in seconds; longer wishes are cut. @default 0xFFFFFFFF, never */
  maxSessionExpiry?: number
  /** Session expiry in seconds of 3.1 and 3.1.1 sessions that are not clean. @default 0xFFFFFFFF, never */
  defaultSessionExpiry?: number
  /**
   * QoS 1 and 2 messages that an MQTT 5.0 client may have unacknowledged towards the broker; more is a violation, 0x93.
   * @default 65535, which needs no mention in CONNACK
   */
  receiveMaximum?: number
  /** Unreleased QoS 2 messages of a 3.1 or 3.1.1 client, beyond which it is disconnected; 0 for no bound. @default 65535 */
  maxInflightInbound?: number
  /**
   * Packets of one client that the broker works on at once, waiting for hooks, store or bus; beyond that it does not read
   * from the client. Messages that wait for their PUBREL do not count.
   * @default 100; where `receiveMaximum` is given, one more than that, to notice a client that sends too many
   */
  maxConcurrentPackets?: number
  /** QoS 1 and 2 messages that the broker has unacknowledged towards one client. @default 100 */
  maxInflight?: number
  /** Topic aliases that a client may define. @default 16 */
  topicAliasMaximum?: number
  /** Topic aliases that the broker defines towards a client, where the client allows them. @default 16 */
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
  /** What a client that asks for response information is told. @default none */
  responseInformation?: string | ((client: Client) => string | undefined)
  /** Whether payloads that claim to be UTF-8 are checked, and refused with 0x99. @default false */
  validatePayloadFormat?: boolean
  /**
   * What a client before 5.0, which cannot be told, gets for a message that `authorizePublish` refuses, unless the hook
   * says it (`olderClients`): the connection is closed, or the message is acknowledged and dropped. @default 'disconnect'
   */
  refusedPublish?: 'disconnect' | 'acknowledge'

  /** Messages in one session's queue. @default 1000 */
  maxQueuedMessages?: number
  /** Bytes of payloads and properties in one session's queue. @default 16 MiB */
  maxQueuedBytes?: number
  /** Bytes of payloads and properties in all queues together. @default 1 GiB */
  maxTotalQueuedBytes?: number
  /** What happens when a queue is full. @default 'drop-newest' */
  queueOverflow?: OverflowPolicy
  /** Other limits for one client's queue; asked for each message that is queued, and when a session is opened. */
  queueLimits?: (clientId: string) => Partial<QueueLimits> | undefined
  /**
   * Whether QoS 0 messages are queued for stored sessions that are away, where their subscription has QoS 1 or 2; those of
   * a shared subscription where all members are. @default false
   */
  queueQoS0?: boolean
  /** Bytes of messages waiting in memory for one client, beyond which QoS 0 messages to it are dropped. @default 1 MiB */
  maxOutboxBytes?: number

  /** Retained messages; one too many is refused with 0x97, as with the limits below. @default Infinity */
  maxRetainedMessages?: number
  /** Bytes of payloads and properties of all retained messages. @default Infinity */
  maxRetainedBytes?: number
  /** Payload bytes of one retained message. @default Infinity */
  maxRetainedPayload?: number
  /** Longest life of a retained message in seconds. @default Infinity */
  maxRetainedExpiry?: number
}
