/**
 * Adapts a store that has only the contract of `aedes-persistence`: keeps what MQTT 5.0 needs beyond it in memory,
 * where it ends with the process. Owns that state and the contract's quirks; must not know the broker.
 */
import type { Message } from '../../../types/message/message.js'
import type {
  AedesPersistence,
  MatchedSubscription,
  MessageRef,
  QueueDelivery,
  QueuedMessage,
  ScheduledWill,
  SentCopy,
  SessionChange,
  SessionDetails,
  SessionPersistence,
  StoreClient,
  StoreCounts,
  StoredRelease,
  StoredSession,
  StoredSubscription,
  StoredWill,
  StoreHost,
} from '../../../types/persistence.js'
import { messageBytes } from '../../codec/message-bytes.js'
import { NEVER_EXPIRES } from '../../model/session-expiry.js'
import { filterMatches, isSharedFilter } from '../../topic/topic.js'
import { SortedNames } from '../../util/collections/sorted-names.js'
import type { Timers } from '../../util/scheduling/timers.js'
import { Turns } from '../../util/scheduling/turns.js'
import { type Deadline, Deadlines } from '../deadlines.js'
import { incomingPacket, readBack } from './entries.js'
import { KnownSubscriptions } from './known-subscriptions.js'
import { AedesQueues } from './queues.js'
import { SharingCheck } from './sharing-check.js'
import { AedesWills } from './wills.js'

interface SessionNote {
  clientId: string
  expiryInterval: number
  deadline: Deadline<SessionNote> | undefined
  details: SessionDetails | undefined
  incoming: Set<number>
}

/**
 * The subscription that marks a session without subscriptions; nothing is published to it. The contract knows sessions
 * only by their subscriptions, and some stores delete the queue of a session without any.
 */
const SESSION_MARK: StoredSubscription = { topic: '$anax/session', qos: 0 }

/** Time limit for the answer to a request behind all earlier ones. */
const LAST_ANSWER_MS = 1000

/** The broker as the adapter sees it. */
export interface AedesStoreParts {
  timers: Timers
  /** Whether other brokers may share the bus: what they left in the store then belongs to them. */
  hasBusOfHost: boolean
  /** Called when a client's queue may have more entries than were visible so far. */
  more(clientId: string): void
}

export class AedesStore implements SessionPersistence {
  readonly sessionPersistence = 1
  readonly durability = 'memory'
  /** Unknown: the contract has no counts. */
  readonly retainedCount = 0
  readonly retainedBytes = 0
  readonly #store: AedesPersistence
  readonly #parts: AedesStoreParts
  readonly #sessions = new Map<string, SessionNote>()
  readonly #names = new SortedNames()
  readonly #sessionDeadlines = new Deadlines<SessionNote>()
  readonly #queues: AedesQueues
  readonly #wills: AedesWills
  /** Serializes the changes of a client's subscriptions: some stores confuse changes that overlap. */
  readonly #turns = new Turns()
  /** Clients whose session has the marker subscription in the store. */
  readonly #marked = new Set<string>()
  /** Not used if other brokers may share the store, because their changes are not known here. */
  readonly #known: KnownSubscriptions | undefined
  /** Brokers on a bus find each other there. */
  readonly #sharingCheck: SharingCheck | undefined
  #brokerId = ''

  constructor(store: AedesPersistence, parts: AedesStoreParts) {
    this.#store = store
    this.#parts = parts
    this.#queues = new AedesQueues(store, parts.timers, clientId => parts.more(clientId))
    this.#wills = new AedesWills(store)
    this.#known = parts.hasBusOfHost ? undefined : new KnownSubscriptions()
    this.#sharingCheck = parts.hasBusOfHost ? undefined : new SharingCheck(store, parts.timers)
  }

  async setup(broker: StoreHost): Promise<void> {
    this.#brokerId = broker.id
    this.#wills.brokerId = broker.id
    await this.#store.setup(broker)
    this.#sharingCheck?.begin(broker.id)
  }
  /** Waits for operations that stores run in the background: unfinished ones would end the process with an error. */
  async destroy(): Promise<void> {
    if (this.#sharingCheck !== undefined)
      await this.#parts.timers.within(
        LAST_ANSWER_MS,
        this.#sharingCheck.stop().catch(() => {}),
      )
    await this.#parts.timers.within(LAST_ANSWER_MS, this.#queues.idle())
    const answered = Promise.resolve(this.#store.subscriptionsByClient({ id: this.#brokerId })).catch(() => {})
    await this.#parts.timers.within(LAST_ANSWER_MS, answered)
    await this.#store.destroy()
  }
  storeRetained(packet: Message) {
    return this.#store.storeRetained(packet)
  }
  /** Never refuses: the contract has no counts. */
  checkRetained() {}
  createRetainedStream(pattern: string) {
    return this.#store.createRetainedStream(pattern)
  }
  createRetainedStreamCombi(patterns: string[]) {
    return this.#store.createRetainedStreamCombi(patterns)
  }
  async addSubscriptions(client: StoreClient, subscriptions: StoredSubscription[]): Promise<void> {
    if (subscriptions.length === 0) return
    await this.#turns.take(client.id, async () => {
      await this.#store.addSubscriptions(client, subscriptions)
      this.#known?.add(client.id, subscriptions)
      if (this.#marked.delete(client.id)) await this.#store.removeSubscriptions(client, [SESSION_MARK.topic])
    })
  }
  async removeSubscriptions(client: StoreClient, topics: string[]): Promise<void> {
    if (topics.length === 0) return
    await this.#turns.take(client.id, async () => {
      const stored = (await this.#store.subscriptionsByClient(client)) ?? []
      if (stored.every(({ topic }) => topics.includes(topic))) await this.#mark(client)
      await this.#store.removeSubscriptions(client, topics)
      this.#known?.remove(client.id, topics)
    })
  }
  async subscriptionsByClient(client: StoreClient): Promise<StoredSubscription[]> {
    const subscriptions = (await this.#store.subscriptionsByClient(client)) ?? []
    return subscriptions.filter(({ topic }) => topic !== SESSION_MARK.topic)
  }
  async cleanSubscriptions(client: StoreClient): Promise<void> {
    await this.#turns.take(client.id, async () => {
      await this.#store.cleanSubscriptions(client)
      this.#known?.clear(client.id)
      this.#marked.delete(client.id)
    })
  }
  countOffline() {
    return this.#store.countOffline()
  }
  outgoingEnqueue(subscription: { clientId: string }, packet: Message) {
    return this.#store.outgoingEnqueue(subscription, packet)
  }
  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: Message) {
    return this.#store.outgoingEnqueueCombi(subscriptions, packet)
  }
  outgoingUpdate(client: { id: string }, packet: Message | StoredRelease) {
    return this.#store.outgoingUpdate(client, packet)
  }
  outgoingClearMessageId(client: { id: string }, packet: { messageId: number }) {
    return this.#store.outgoingClearMessageId(client, packet)
  }
  outgoingStream(client: { id: string }) {
    return this.#store.outgoingStream(client)
  }
  incomingStorePacket(client: { id: string }, packet: Message) {
    return this.#store.incomingStorePacket(client, packet)
  }
  incomingGetPacket(client: { id: string }, packet: { messageId: number }) {
    return this.#store.incomingGetPacket(client, packet)
  }
  incomingDelPacket(client: { id: string }, packet: { messageId: number }) {
    return this.#store.incomingDelPacket(client, packet)
  }
  putWill(client: { id: string }, will: StoredWill) {
    return this.#store.putWill(client, will)
  }
  getWill({ id }: StoreClient): Promise<StoredWill | undefined> {
    return this.#wills.get(id)
  }
  delWill(client: StoreClient) {
    return this.#store.delWill({ brokerId: this.#brokerId, ...client })
  }
  streamWill(brokers?: Record<string, unknown>) {
    return this.#store.streamWill(brokers)
  }
  getClientList(topic: string) {
    return this.#store.getClientList(topic)
  }

  /**
   * The stores' matchers do not know shared filters, match `#` with topics that begin with `$`, and some omit QoS 0.
   */
  async subscriptionsByTopic(topic: string): Promise<MatchedSubscription[]> {
    const matched = await this.#store.subscriptionsByTopic(topic)
    const found = matched.filter(
      ({ topic: filter, qos }) => qos > 0 && !isSharedFilter(filter) && filterMatches(filter, topic),
    )
    return this.#known?.complete(topic, found) ?? found
  }

  /** Sessions of an earlier run are known only by their subscriptions. */
  async recover(now: number): Promise<void> {
    await this.#wills.recover(now, this.#parts.hasBusOfHost ? 'this broker' : 'all')
  }

  async openSession(clientId: string): Promise<StoredSession | undefined> {
    const note = this.#sessions.get(clientId)
    const stored = (await this.#store.subscriptionsByClient({ id: clientId })) ?? []
    if (note === undefined && stored.length === 0) return undefined
    const subscriptions = stored.filter(({ topic }) => topic !== SESSION_MARK.topic)
    this.#known?.add(clientId, subscriptions)
    if (subscriptions.length < stored.length) this.#marked.add(clientId)
    const { expiryInterval, deadline, details } = note ?? { expiryInterval: NEVER_EXPIRES }
    const incoming = [...(note?.incoming ?? [])]
    const session = { clientId, expiryInterval, expiresAt: deadline?.at, subscriptions, incoming }
    return details === undefined ? session : { ...session, details }
  }

  /** Sets the deadline after the store has the session: until then the call can be repeated. */
  async saveSession({ clientId, expiryInterval, expiresAt, details }: SessionChange): Promise<void> {
    const known = this.#sessions.get(clientId)
    if (known !== undefined) await this.#putAway(clientId)
    const note: SessionNote = known ?? {
      clientId,
      expiryInterval,
      deadline: undefined,
      details: undefined,
      incoming: new Set(),
    }
    note.details = details ?? note.details
    this.#queues.open(clientId)
    this.#sessionDeadlines.remove(note.deadline)
    note.expiryInterval = expiryInterval
    note.deadline = expiresAt === undefined ? undefined : this.#sessionDeadlines.add(note, expiresAt)
    this.#sessions.set(clientId, note)
    this.#names.add(clientId)
  }

  /** Removes the subscriptions and the queue of a session. */
  async #putAway(clientId: string): Promise<void> {
    const client = { id: clientId }
    await this.#turns.take(clientId, async () => {
      const stored = (await this.#store.subscriptionsByClient(client)) ?? []
      if (stored.length === 0) await this.#mark(client)
    })
    await this.#queues.tidy(clientId)
  }

  async #mark(client: StoreClient): Promise<void> {
    await this.#store.addSubscriptions(client, [{ ...SESSION_MARK }])
    this.#marked.add(client.id)
  }

  /** Removes the record last: if the store fails, the deadline remains. */
  async deleteSession(clientId: string): Promise<void> {
    const client = { id: clientId }
    await this.#queues.clear(clientId)
    await this.cleanSubscriptions(client)
    const note = this.#sessions.get(clientId)
    for (const packetId of note?.incoming ?? []) await this.removeIncoming(clientId, packetId)
    await this.#store.cleanIncoming?.(client)
    // what other brokers on the same store added before they were notified
    await this.#queues.clear(clientId)
    this.#sessionDeadlines.remove(note?.deadline)
    this.#sessions.delete(clientId)
    this.#names.delete(clientId)
  }

  /** Sessions that were used since the broker started: the contract cannot list others. */
  async sessionsAfter(clientId: string | undefined, limit: number): Promise<StoredSession[]> {
    const names = this.#names.after(clientId, limit)
    const sessions = await Promise.all(names.map(name => this.openSession(name)))
    return sessions.filter(session => session !== undefined)
  }

  counts(): StoreCounts {
    const sessions = this.#names.size
    return {
      sessions,
      sessionBytes: undefined,
      subscriptions: undefined,
      queuedMessages: undefined,
      queuedBytes: undefined,
    }
  }

  expiredSessions(now: number, limit: number): string[] {
    return this.#sessionDeadlines.due(now, limit).map(({ clientId }) => clientId)
  }

  nextDeadline(): number | undefined {
    const session = this.#sessionDeadlines.next()
    const will = this.#wills.next()
    return session === undefined || (will !== undefined && will < session) ? will : session
  }

  sharedSubscriptions(): MatchedSubscription[] {
    return []
  }

  async enqueue(message: Message, deliveries: readonly QueueDelivery[]): Promise<undefined> {
    if (message.brokerId === this.#brokerId) await this.#queues.addOwn(message, deliveries)
    else await this.#queues.addForeign(message, deliveries)
  }

  queued(clientId: string): AsyncIterable<QueuedMessage> {
    return this.#queues.queued(clientId)
  }

  inflight(clientId: string): AsyncIterable<QueuedMessage> {
    return this.#queues.inflight(clientId)
  }

  async queueSize(clientId: string): Promise<{ messages: number; bytes: number }> {
    const queue = await this.#queues.read(clientId)
    const bytes = queue.reduce((sum, { message }) => sum + (message === undefined ? 0 : messageBytes(message)), 0)
    return { messages: queue.length, bytes }
  }

  markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): Promise<void> {
    return this.#queues.markSent(clientId, ref, packetId, copy)
  }

  markReleased(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    return this.#queues.markReleased(clientId, ref, packetId)
  }

  removeQueued(
    clientId: string,
    ref: MessageRef,
    packetId?: number | undefined,
    copy?: SentCopy | undefined,
  ): Promise<void> {
    return this.#queues.remove(clientId, ref, packetId, copy)
  }

  async addIncoming(clientId: string, packetId: number): Promise<void> {
    await this.#store.incomingStorePacket({ id: clientId }, incomingPacket(packetId))
    this.#sessions.get(clientId)?.incoming.add(packetId)
  }

  async removeIncoming(clientId: string, packetId: number): Promise<void> {
    const incoming = this.#sessions.get(clientId)?.incoming
    if (!incoming?.has(packetId)) return
    await this.#store.incomingDelPacket({ id: clientId }, { messageId: packetId })
    incoming.delete(packetId)
  }

  saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    return this.#wills.save(clientId, will, dueAt)
  }

  deleteWill(clientId: string): Promise<void> {
    return this.#wills.delete(clientId)
  }

  dueWills(now: number, limit: number): Promise<ScheduledWill[]> {
    return this.#wills.due(now, limit)
  }

  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    const seen = new Set<string>()
    for await (const stored of this.#store.createRetainedStreamCombi([...filters])) {
      const message = readBack(stored)
      const { topic, messageExpiry } = message
      if (messageExpiry !== undefined && messageExpiry <= this.#parts.timers.wallTime()) continue
      if (seen.has(topic) || !filters.some(filter => filterMatches(filter, topic))) continue
      if (filters.length > 1) seen.add(topic)
      yield message
    }
  }

  async retainedOf(topic: string): Promise<Message | undefined> {
    for await (const message of this.retained([topic])) return message
    return undefined
  }

  sweep() {
    return { dropped: [], retained: [], more: false }
  }
}
