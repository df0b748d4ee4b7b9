/**
 * The store in memory, the default: both contracts over the same data, with synchronous results.
 * Owns the wiring of its parts (sessions, queues, retained messages, wills); must not know the broker.
 */
import { Readable } from 'node:stream'
import type { Message } from '../../../types/message/message.js'
import type {
  DroppedMessage,
  MatchedSubscription,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  QueuedMessage,
  QueuePolicy,
  RetainedLimits,
  ScheduledWill,
  SessionChange,
  SessionPersistence,
  StoreClient,
  StoreCounts,
  StoredRelease,
  StoredSession,
  StoredSubscription,
  StoredWill,
  StoreOwner,
  SweepResult,
} from '../../../types/persistence.js'
import { processMemory } from '../../util/memory/process-memory.js'
import { noSuchPacket, toAedesPacket, toOutgoing, UNLIMITED } from '../aedes/packets.js'
import { checkRetained } from '../retained-limits.js'
import { PayloadKeeper, StoredMessage } from '../stored-message.js'
import { MemoryQueues } from './queues.js'
import { MemoryRetained } from './retained.js'
import type { QueueEntry } from './session-queue.js'
import { MemorySessions } from './sessions.js'
import { MemoryWills } from './wills.js'

/** Options of the store in memory. */
export interface MemoryPersistenceOptions {
  /** The current time in milliseconds since the epoch, for the expiry of retained messages. @default Date.now */
  now?: () => number
  /**
   * Maximum number of messages in all queues together, each counted once; beyond this, as beyond `maxTotalQueuedBytes`,
   * the store is full. A message takes about half a KiB of the heap in addition to its content. @default one for each
   * KiB of the heap's limit, or for each 2 KiB of the memory of the machine or container if that is less
   */
  maxQueuedMessages?: number
}

/** A queued message takes about half of this in the heap, in addition to its content. */
const BYTES_FOR_MESSAGE = 1024

function messagesThatFit({ bytes, heapBytes } = processMemory()): number {
  return Math.floor(Math.min(bytes / 2, heapBytes) / BYTES_FOR_MESSAGE)
}

/**
 * Creates a store in memory, like the one of a broker without the option `persistence`. Its content ends with the
 * process.
 */
export function createMemoryPersistence(options?: MemoryPersistenceOptions): MemoryPersistence {
  return new MemoryPersistence(options)
}

/** A store in memory, whose content ends with the process. */
export class MemoryPersistence implements SessionPersistence {
  readonly sessionPersistence = 1
  readonly durability = 'memory'
  readonly #sessions = new MemorySessions()
  readonly #queues: MemoryQueues
  readonly #wills = new MemoryWills()
  readonly #incomingPayloads = new PayloadKeeper()
  readonly #retained: MemoryRetained
  #broker: StoreOwner | undefined

  constructor({ now = Date.now, maxQueuedMessages = messagesThatFit() }: MemoryPersistenceOptions = {}) {
    this.#queues = new MemoryQueues(clientId => this.#sessions.queueOf(clientId), maxQueuedMessages)
    this.#retained = new MemoryRetained(now)
  }

  /** The broker that the store was set up for. */
  get broker(): StoreOwner | undefined {
    return this.#broker
  }

  /** Bytes in all queues together, each message counted once. */
  get queuedBytes(): number {
    return this.#queues.totalBytes
  }

  get retainedCount(): number {
    return this.#retained.count
  }

  get retainedBytes(): number {
    return this.#retained.bytes
  }

  // The base contract requires this to be an async function.
  async setup(broker: StoreOwner): Promise<void> {
    this.#broker = broker
  }

  /** There is nothing to release. The content stays, so that another broker can continue with it. */
  destroy(): void {
    this.#broker = undefined
  }

  // Sessions

  sessions(): Iterable<StoredSession> {
    return this.#sessions.all()
  }

  sessionsAfter(clientId: string | undefined, limit: number): StoredSession[] {
    return this.#sessions.after(clientId, limit)
  }

  counts(): StoreCounts {
    return {
      sessions: this.#sessions.size,
      sessionBytes: this.#sessions.bytes,
      subscriptions: this.#sessions.subscriptionCount,
      queuedMessages: this.#queues.totalMessages,
      queuedBytes: this.#queues.totalBytes,
    }
  }

  recover(now: number): void {
    this.#sessions.recover(now)
    // The session of a client without a record ended with its connection, so that its will is due.
    this.#wills.recover(now, clientId => this.#sessions.find(clientId)?.expiryInterval ?? 0)
  }

  openSession(clientId: string): StoredSession | undefined {
    return this.#sessions.open(clientId)
  }

  saveSession(session: SessionChange): void {
    this.#sessions.save(session)
  }

  deleteSession(clientId: string): void {
    const record = this.#sessions.find(clientId)
    if (record === undefined) return
    if (record.queue !== undefined) this.#queues.end(record.queue)
    this.#sessions.delete(record)
  }

  expiredSessions(now: number, limit: number): string[] {
    return this.#sessions.expired(now, limit)
  }

  nextDeadline(): number | undefined {
    const deadlines = [
      this.#sessions.nextDeadline(),
      this.#wills.nextDeadline(),
      this.#queues.nextExpiry(),
      this.#retained.nextExpiry(),
    ].filter(deadline => deadline !== undefined)
    return deadlines.length === 0 ? undefined : Math.min(...deadlines)
  }

  sweep(now: number, limit: number): SweepResult {
    const result: SweepResult = { dropped: [], retained: [], more: false }
    for (let i = 0; i < limit; i++) {
      const queued = this.#queues.takeExpired(now)
      const retained = queued === undefined ? this.#retained.takeExpired(now) : undefined
      if (queued?.lost !== undefined) result.dropped.push(queued.lost)
      if (retained !== undefined) result.retained.push(retained)
      if (queued === undefined && retained === undefined) return result
    }
    const next = Math.min(this.#queues.nextExpiry() ?? Infinity, this.#retained.nextExpiry() ?? Infinity)
    result.more = next <= now
    return result
  }

  // Subscriptions

  addSubscriptions({ id }: StoreClient, subscriptions: StoredSubscription[]): void {
    for (const subscription of subscriptions) this.#sessions.subscribe(id, subscription)
  }

  removeSubscriptions({ id }: StoreClient, topics: string[]): void {
    for (const topic of topics) this.#sessions.unsubscribe(id, topic)
  }

  cleanSubscriptions({ id }: StoreClient): void {
    this.#sessions.clearSubscriptions(id)
  }

  subscriptionsByClient({ id }: StoreClient): StoredSubscription[] {
    return this.#sessions.subscriptionsOf(id)
  }

  subscriptionsByTopic(topic: string): MaybePromise<readonly MatchedSubscription[]> {
    return this.#sessions.match(topic, this.#broker?.turns)
  }

  sharedSubscriptions(): Iterable<MatchedSubscription> {
    return this.#sessions.shared()
  }

  countOffline(): { subsCount: number; clientsCount: number } {
    return { subsCount: this.#sessions.storableSubscriptions, clientsCount: this.#sessions.subscribers }
  }

  getClientList(topic: string): Readable {
    return Readable.from(this.#sessions.subscribersOf(topic))
  }

  // Queues

  enqueue(message: Message, deliveries: readonly QueueDelivery[], policy: QueuePolicy): DroppedMessage[] | undefined {
    return this.#queues.enqueue(message, deliveries, policy)
  }

  queued(clientId: string): Iterable<QueuedMessage> {
    return this.#sessions.find(clientId)?.queue?.entries() ?? []
  }

  inflight(clientId: string): Iterable<QueuedMessage> {
    return this.#sessions.find(clientId)?.queue?.inflight() ?? []
  }

  queueSize(clientId: string): { messages: number; bytes: number } {
    const queue = this.#sessions.find(clientId)?.queue
    return queue === undefined ? { messages: 0, bytes: 0 } : { ...queue.size }
  }

  markSent(clientId: string, ref: MessageRef, packetId: number): void {
    const entry = this.#entry(clientId, ref)
    if (entry !== undefined) this.#queues.markSent(entry, packetId)
  }

  markReleased(clientId: string, ref: MessageRef, packetId: number): void {
    const entry = this.#entry(clientId, ref)
    if (entry !== undefined) this.#queues.markReleased(entry, packetId)
  }

  removeQueued(clientId: string, ref: MessageRef): void {
    const entry = this.#entry(clientId, ref)
    if (entry !== undefined) this.#queues.remove(entry)
  }

  outgoingEnqueue(subscription: { clientId: string }, packet: Message): void {
    this.outgoingEnqueueCombi([subscription], packet)
  }

  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: Message): void {
    const { qos, retain } = packet
    const deliveries = subscriptions.map(({ clientId }) => {
      this.#sessions.obtain(clientId)
      return { clientId, qos, retain, subscriptionIdentifiers: undefined, share: undefined }
    })
    this.#queues.enqueue(packet, deliveries, UNLIMITED)
  }

  outgoingUpdate({ id }: StoreClient, packet: Message | StoredRelease): void {
    const queue = this.#sessions.find(id)?.queue
    const entry = packet.cmd === 'pubrel' ? queue?.findByPacketId(packet.messageId) : queue?.find(packet)
    if (entry === undefined) throw noSuchPacket()
    if (packet.cmd === 'pubrel') this.#queues.markReleased(entry, packet.messageId)
    else if (packet.messageId !== undefined) this.#queues.markSent(entry, packet.messageId)
  }

  outgoingClearMessageId(
    { id }: StoreClient,
    { messageId }: { messageId: number },
  ): Message | StoredRelease | undefined {
    const record = this.#sessions.find(id)
    const entry = record?.queue?.findByPacketId(messageId)
    if (record === undefined || entry === undefined) return undefined
    const packet = toOutgoing(entry)
    this.#queues.remove(entry)
    this.#sessions.discardIfEmpty(record)
    return packet
  }

  outgoingStream({ id }: StoreClient): Readable {
    return Readable.from(outgoing(this.queued(id)))
  }

  // Incoming QoS 2

  addIncoming(clientId: string, packetId: number): void {
    this.#incoming(clientId).set(packetId, undefined)
  }

  removeIncoming(clientId: string, packetId: number): void {
    this.#sessions.find(clientId)?.incoming?.delete(packetId)
  }

  incomingStorePacket({ id }: StoreClient, packet: Message): void {
    if (packet.messageId === undefined) return
    this.#incoming(id).set(packet.messageId, new StoredMessage(packet, this.#incomingPayloads))
  }

  incomingGetPacket({ id }: StoreClient, { messageId }: { messageId: number }): { messageId: number } {
    const incoming = this.#sessions.find(id)?.incoming
    if (!incoming?.has(messageId)) throw noSuchPacket()
    const message = incoming.get(messageId)
    return message === undefined ? { messageId } : { ...toAedesPacket(message, messageId), messageId }
  }

  incomingDelPacket({ id }: StoreClient, { messageId }: { messageId: number }): void {
    const record = this.#sessions.find(id)
    if (record?.incoming?.delete(messageId) !== true) throw noSuchPacket()
    this.#sessions.discardIfEmpty(record)
  }

  cleanIncoming({ id }: StoreClient): void {
    const record = this.#sessions.find(id)
    if (record === undefined) return
    record.incoming = undefined
    this.#sessions.discardIfEmpty(record)
  }

  // Wills

  saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): void {
    this.#wills.save(clientId, this.#owned(clientId, will), dueAt)
  }

  deleteWill(clientId: string): void {
    this.#wills.delete(clientId)
  }

  dueWills(now: number, limit: number): ScheduledWill[] {
    return this.#wills.due(now, limit)
  }

  wills(): Iterable<ScheduledWill> {
    return this.#wills.all()
  }

  putWill({ id }: StoreClient, will: StoredWill): void {
    // Users of the base contract read the two fields from the packet that they passed.
    this.#wills.save(id, Object.assign(will, this.#owned(id, will)), undefined)
  }

  getWill({ id }: StoreClient): StoredWill | undefined {
    return this.#wills.get(id)
  }

  delWill({ id }: StoreClient): StoredWill | undefined {
    return this.#wills.delete(id)
  }

  streamWill(brokers: Record<string, unknown> = {}): Readable {
    return Readable.from(this.#wills.ofOthers(brokers))
  }

  // Retained messages

  storeRetained(packet: Message): void {
    this.#retained.store(packet)
  }

  checkRetained(message: Message, limits: RetainedLimits): void {
    checkRetained(message, limits, this.#retained)
  }

  retained(filters: readonly string[]): Iterable<Message> {
    return this.#retained.match(filters)
  }

  retainedOf(topic: string): Message | undefined {
    return this.#retained.get(topic)
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern])
  }

  createRetainedStreamCombi(patterns: string[]): Readable {
    return Readable.from(this.#retained.match(patterns))
  }

  #entry(clientId: string, ref: MessageRef): QueueEntry | undefined {
    return this.#sessions.find(clientId)?.queue?.find(ref)
  }

  #incoming(clientId: string): Map<number, Message | undefined> {
    const record = this.#sessions.obtain(clientId)
    record.incoming ??= new Map()
    return record.incoming
  }

  #owned(clientId: string, will: StoredWill): StoredWill {
    const owned: StoredWill = { ...will, clientId }
    if (this.#broker !== undefined) owned.brokerId = this.#broker.id
    return owned
  }
}

function* outgoing(entries: Iterable<QueuedMessage>): Generator<Message | StoredRelease, void, undefined> {
  for (const entry of entries) yield toOutgoing(entry)
}
