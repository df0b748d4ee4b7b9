/**
 * The contract of a store: the asynchronous one of `aedes-persistence` 11, and the optional
 * extension that MQTT 5.0 needs. Contracts only: nothing here runs.
 *
 * A method may return its value or a promise of it. A store that answers with plain values keeps the
 * whole publish path synchronous; a promise means "durable as configured once this resolves".
 * Operations take effect in the order in which they are begun, whenever they are answered: the order of a queue is
 * that of its calls.
 */
import type { Message } from './message/message.js'
import type { QoS, Subscription, Will } from './message/packets.js'

/** A value, or a promise of one. */
export type MaybePromise<T> = T | Promise<T>

/** Items that are available, or that must be fetched. */
export type MaybeAsyncIterable<T> = Iterable<T> | AsyncIterable<T>

/** The client as a store sees it: its identifier. */
export interface StoreClient {
  readonly id: string
  /** The broker that a will belongs to; passed to {@link AedesPersistence.delWill}. */
  readonly brokerId?: string
}

/** Receives a message from another store, or from the same store on another broker; must call `done`. */
export type StoreListener = (packet: { topic: string; payload: string | Buffer }, done: () => void) => void

/**
 * The part of the broker that a store can use. Stores shared by several brokers notify each other of changes; these
 * messages reach the stores only, never a client.
 */
export interface StoreHost {
  readonly id: string
  subscribe(topic: string, listener: StoreListener, callback: (error?: Error | null) => void): void
  unsubscribe(topic: string, listener: StoreListener, callback: (error?: Error | null) => void): void
  publish(packet: { topic: string; payload: string | Buffer }, callback: (error?: Error | null) => void): void
  /** Listens to events of the broker. */
  on(event: string, listener: (...args: never[]) => void): void
}

/** The turns of the event loop, which a store shares fairly with the clients: long work is done in steps. */
export interface EventLoopTurns {
  /** Charges work that was done. @param units approximate microseconds */
  spend(units: number): void
  /** Calls `step`, which does a small part and charges it, until it returns a result, in as many turns as needed. */
  inTurns<Result>(step: () => Result | undefined): MaybePromise<Result>
}

/** The broker as a store with the extension sees it. */
export interface StoreOwner {
  readonly id: string
  /** Undefined outside of a broker. */
  readonly turns?: EventLoopTurns
}

/** A stored subscription. */
export interface StoredSubscription extends Subscription {
  clientId?: string
  subscriptionIdentifier?: number | undefined
  /** The filter that the client requested, if another one was granted. UNSUBSCRIBE names the requested filter. */
  requested?: string | undefined
}

/** A subscription that matches a topic, with the client that holds it. */
export interface MatchedSubscription extends StoredSubscription {
  clientId: string
}

/** PUBREL state in an outgoing queue: the message was received, only its release is left. */
export interface StoredRelease {
  cmd: 'pubrel'
  messageId: number
  brokerId?: string
  brokerCounter?: number
}

/**
 * The client that set a will, for calling `authorizePublish` when the will is due. Additional fields are stored
 * unchanged; they must be plain values, arrays, objects or buffers.
 */
export interface WillPublisher {
  clientId: string
  username?: string | undefined
  /** The client's address. */
  address?: string | undefined
  /** The value of `client.claims`. */
  claims?: unknown
  [detail: string]: unknown
}

/** A will with the client and the broker it belongs to. */
export interface StoredWill extends Will {
  clientId?: string
  brokerId?: string
  /** Kept by stores with the extension; a store with only the base contract may lose it. */
  publisher?: WillPublisher | undefined
}

/** The asynchronous contract of `aedes-persistence` 11. */
export interface AedesPersistence {
  setup(broker: StoreHost): MaybePromise<void>
  destroy(): MaybePromise<void>

  /** Keeps the retained message of a topic; an empty payload removes it. */
  storeRetained(packet: Message): MaybePromise<void>
  createRetainedStream(pattern: string): AsyncIterable<Message>
  createRetainedStreamCombi(patterns: string[]): AsyncIterable<Message>

  addSubscriptions(client: StoreClient, subscriptions: StoredSubscription[]): MaybePromise<unknown>
  removeSubscriptions(client: StoreClient, topics: string[]): MaybePromise<unknown>
  subscriptionsByClient(client: StoreClient): MaybePromise<StoredSubscription[] | null | undefined>
  /** Subscriptions with QoS above 0 whose filter matches the topic. Shared ones never match. */
  subscriptionsByTopic(topic: string): MaybePromise<readonly MatchedSubscription[]>
  cleanSubscriptions(client: StoreClient): MaybePromise<unknown>
  countOffline(): MaybePromise<{ subsCount: number; clientsCount: number }>

  outgoingEnqueue(subscription: { clientId: string }, packet: Message): MaybePromise<unknown>
  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: Message): MaybePromise<unknown>
  /** Notes the packet id of a queued message (found by broker id and counter), or its PUBREL state (by packet id). */
  outgoingUpdate(client: StoreClient, packet: Message | StoredRelease): MaybePromise<unknown>
  outgoingClearMessageId(client: StoreClient, packet: { messageId: number }): MaybePromise<unknown>
  outgoingStream(client: StoreClient): AsyncIterable<Message | StoredRelease>

  incomingStorePacket(client: StoreClient, packet: Message): MaybePromise<unknown>
  /** Rejects if the packet id is unknown. */
  incomingGetPacket(client: StoreClient, packet: { messageId: number }): MaybePromise<unknown>
  incomingDelPacket(client: StoreClient, packet: { messageId: number }): MaybePromise<unknown>
  cleanIncoming?(client: StoreClient): MaybePromise<unknown>

  putWill(client: StoreClient, will: StoredWill): MaybePromise<unknown>
  getWill(client: StoreClient): MaybePromise<StoredWill | null | undefined>
  delWill(client: StoreClient): MaybePromise<StoredWill | null | undefined>
  streamWill(brokers?: Record<string, unknown>): AsyncIterable<StoredWill>

  getClientList(topic: string): AsyncIterable<string>
}

/**
 * Details of the last connection of a session, for administration and for checks on resumption. Times are milliseconds
 * since the epoch. Additional fields are stored unchanged; they must be plain values.
 */
export interface SessionDetails {
  /** User name of the last connection; `(a token)` for a signed token, which is a secret. */
  username?: string | undefined
  /** Address of the client's end of that connection. */
  address?: string | undefined
  /** Protocol level of that connection: 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0. */
  protocolVersion?: number | undefined
  /** When the session was created. */
  createdAt?: number | undefined
  connectedAt?: number | undefined
  /** Undefined while its client is connected. */
  disconnectedAt?: number | undefined
  [detail: string]: unknown
}

/** A stored session. */
export interface StoredSession {
  clientId: string
  /** Seconds; 0xFFFFFFFF never expires. */
  expiryInterval: number
  /** When it ends, in milliseconds since the epoch; undefined while connected, and for one that never expires. */
  expiresAt: number | undefined
  subscriptions: StoredSubscription[]
  /** Packet ids of received QoS 2 messages that are not released yet. */
  incoming: number[]
  /** Undefined if nothing was recorded. */
  details?: SessionDetails | undefined
}

/** The argument of `saveSession`. */
export type SessionChange = Pick<StoredSession, 'clientId' | 'expiryInterval' | 'expiresAt' | 'details'>

/** The delivery of a message to one session, as its matching subscriptions determine it. */
export interface QueueDelivery {
  clientId: string
  /** 0 only if the broker queues QoS 0 messages for disconnected clients. */
  qos: QoS
  retain: boolean
  subscriptionIdentifiers: readonly number[] | undefined
  /** The `$share/…` filter, if the message was delivered through a shared subscription. */
  share: string | undefined
}

/** A message by its identity. */
export interface MessageRef {
  brokerId: string
  brokerCounter: number
}

/** An entry of a session's queue, oldest first. */
export interface QueuedMessage {
  /** Undefined once released (PUBREC came, PUBCOMP is awaited): then only `ref` and `packetId` are left. */
  message: Message | undefined
  ref: MessageRef
  delivery: QueueDelivery
  /** Set once it was sent. */
  packetId: number | undefined
  /** True after the entry was removed, has expired, or was dropped for another; if the store provides it. */
  readonly isRemoved?: boolean
}

/** A message in the form in which one client gets it, for stores that cannot find an entry without it. */
export interface SentCopy {
  readonly message: Message
  readonly qos: QoS
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[] | undefined
}

/**
 * What happens when a message exceeds the limit of a queue, or of all queues together. `drop-oldest` drops unsent
 * entries, and only if this makes room for the message. If a store keeps a payload once for many queues, dropping one
 * entry frees nothing while other queues hold the same message.
 */
export type OverflowPolicy = 'drop-newest' | 'drop-oldest' | 'reject'

/** Limits of the queue of one session. */
export interface QueueLimits {
  maxMessages: number
  /**
   * Bytes of payloads and properties. Those are content type, response topic, correlation data, and user properties,
   * with two bytes for the length of each name and value. The topic does not count.
   */
  maxBytes: number
  overflow: OverflowPolicy
}

/** The limits that apply to queueing a message. */
export interface QueuePolicy {
  limitsOf(clientId: string): QueueLimits
  /** Bytes of payloads and properties, as in `QueueLimits`, in all queues together, each message counted once. */
  maxTotalBytes: number
}

/** Limits of all retained messages together; `Infinity` for none. */
export interface RetainedLimits {
  maxMessages: number
  /** Bytes of payloads and properties, as in `QueueLimits`. */
  maxBytes: number
}

/** A message that was dropped from a queue. */
export interface DroppedMessage {
  clientId: string
  message: Message
  reason: 'queue-full' | 'store-full' | 'expired'
}

/** A will that is due, or whose delay is running. */
export interface ScheduledWill {
  clientId: string
  will: StoredWill
  /** When it is due, in milliseconds since the epoch; undefined while its client is connected. Only set by `wills`. */
  dueAt?: number | undefined
}

/** Numbers of stored items; undefined if the store does not know. */
export interface StoreCounts {
  sessions: number | undefined
  /** Bytes of the client identifiers, user names and filters of all sessions. */
  sessionBytes?: number | undefined
  /** Subscriptions of all sessions. */
  subscriptions: number | undefined
  /** Messages in all queues together, each counted once. */
  queuedMessages: number | undefined
  /** Bytes of their payloads and properties, each message counted once. */
  queuedBytes: number | undefined
}

/** The result of one step of the expiry sweep. */
export interface SweepResult {
  dropped: DroppedMessage[]
  /** Retained messages that expired. */
  retained: Message[]
  /** Whether more is due than one step takes. */
  more: boolean
}

/**
 * What MQTT 5.0 needs beyond `aedes-persistence`. A store that has `sessionPersistence` has all of it;
 * for others the broker keeps the missing state in memory, and docs/behaviour/persistence.md says what a restart loses.
 */
export interface SessionPersistence extends AedesPersistence {
  readonly sessionPersistence: 1
  /**
   * The guarantee of a resolved promise (or a plain return): kept in memory, safe after a process crash, or safe after
   * a power failure.
   */
  readonly durability: 'memory' | 'commit' | 'sync'

  /** Opens the store; one with the extension needs the broker's identifier, and may use its turns of the event loop. */
  setup(broker: StoreOwner): MaybePromise<void>

  /**
   * Called once after `setup`. Sessions and wills that an earlier run left as connected get deadlines counted from
   * `now`. A will is due after its delay or when its session ends, whichever comes first; without a session, at once.
   */
  recover(now: number): MaybePromise<void>

  openSession(clientId: string): MaybePromise<StoredSession | undefined>
  /** Creates the session or changes its expiry. `details` replaces all earlier details; if undefined, they stay. */
  saveSession(session: SessionChange): MaybePromise<void>
  /** Deletes a session with its subscriptions, queue and incoming packet ids. A will stays until it is deleted. */
  deleteSession(clientId: string): MaybePromise<void>
  /** Expired sessions, at most `limit`, earliest first. They stay until they are deleted. */
  expiredSessions(now: number, limit: number): MaybePromise<string[]>
  /** The earliest deadline of a session, will or message; undefined when there is none. */
  nextDeadline(): number | undefined
  /** Shared subscriptions of all stored sessions, to restore the groups after a restart. */
  sharedSubscriptions(): MaybeAsyncIterable<MatchedSubscription>

  /**
   * Appends a message to the queues of several sessions, payload stored once. Skips sessions that are not stored, and
   * queues that already have the message. The message is copied; the deliveries may be kept, and must not be changed
   * afterwards. A message for very many sessions comes in several calls, which may be mixed with those for other
   * messages.
   * @returns the dropped messages; undefined if there are none
   * @throws AnaxError ANAX_ERR_QUOTA if a queue with the policy `reject`, or the store, is full: the message is then in
   * no queue
   */
  enqueue(
    message: Message,
    deliveries: readonly QueueDelivery[],
    policy: QueuePolicy,
  ): MaybePromise<DroppedMessage[] | undefined>
  /** Iterates the queue in order. Entries may be added and removed meanwhile; added ones may or may not be included. */
  queued(clientId: string): MaybeAsyncIterable<QueuedMessage>
  /**
   * Iterates the entries that were sent and not removed, in order; they are redelivered on reconnect. The cost must
   * grow with the number of these entries, not with the length of the queue.
   */
  inflight(clientId: string): MaybeAsyncIterable<QueuedMessage>
  /** Number of the entries in a queue, and bytes of their payloads and properties. */
  queueSize(clientId: string): MaybePromise<{ messages: number; bytes: number }>
  /** The message was (or will be) sent with this packet id, and no longer expires. An unknown one is not an error. */
  markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): MaybePromise<void>
  /** After PUBREC, only the packet id of the message is needed. An unknown message is not an error. */
  markReleased(clientId: string, ref: MessageRef, packetId: number): MaybePromise<void>
  /**
   * Removes a message that was delivered, has expired or is undeliverable. An unknown entry is not an error.
   * @param packetId undefined if it was never sent; `copy` is then what would have been sent
   */
  removeQueued(
    clientId: string,
    ref: MessageRef,
    packetId?: number | undefined,
    copy?: SentCopy | undefined,
  ): MaybePromise<void>

  addIncoming(clientId: string, packetId: number): MaybePromise<void>
  removeIncoming(clientId: string, packetId: number): MaybePromise<void>

  /** Keeps a will; `dueAt` (milliseconds since the epoch) is undefined while its client is connected. */
  saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): MaybePromise<void>
  deleteWill(clientId: string): MaybePromise<void>
  /** Due wills, at most `limit`, earliest first. They stay until they are deleted. */
  dueWills(now: number, limit: number): MaybePromise<ScheduledWill[]>

  /** Retained messages whose topic matches one of the filters, each once, unexpired ones only. */
  retained(filters: readonly string[]): MaybeAsyncIterable<Message>
  /** The retained message of one topic. */
  retainedOf(topic: string): MaybePromise<Message | undefined>
  /**
   * Checks that retained messages stay within the limits when this one is kept, in place of its topic's earlier one.
   * Synchronous. The broker calls it in the same step as `storeRetained`, so that nothing can happen in between.
   * @throws AnaxError ANAX_ERR_QUOTA if a limit would be exceeded
   */
  checkRetained(message: Message, limits: RetainedLimits): void
  /** The number of retained messages. A message, and its bytes, count from the call of `storeRetained` on. */
  readonly retainedCount: number
  /** Bytes of payloads and properties of all retained messages. */
  readonly retainedBytes: number

  /** Removes expired queued and retained messages, at most `limit` a call. */
  sweep(now: number, limit: number): MaybePromise<SweepResult>

  /** All sessions, each once; sessions that begin or end meanwhile may be missing. For administration and export. */
  sessions?(): MaybeAsyncIterable<StoredSession>
  /**
   * The next sessions after a client identifier (from the first one if that is undefined), in the order of the
   * identifiers' UTF-8 bytes, for administration. At most `limit`; fewer if it would take long; none only at the end.
   */
  sessionsAfter?(clientId: string | undefined, limit: number): MaybePromise<StoredSession[]>
  /** Totals, for administration. Synchronous. */
  counts?(): StoreCounts
  /** All wills, with their due times. For administration and export. */
  wills?(): MaybeAsyncIterable<ScheduledWill>
  /**
   * Copies the store while it is in use. The copy is a complete store, and contains every write whose promise resolved
   * before the call.
   * @param path the folder of the copy, which must be missing or empty
   * @throws AnaxError ANAX_ERR_STORE
   */
  backup?(path: string): Promise<void>
}
