/**
 * A store that has only the contract of `aedes-persistence`: what MQTT 5.0 needs beyond it is kept here, in memory,
 * and lost with the process. Owns that remainder and the contract's quirks; must not know the broker.
 */
import type { Message } from '../../../types/message.js'
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
  StoredRelease,
  StoredSession,
  StoredSubscription,
  StoredWill,
} from '../../../types/persistence.js'
import { messageBytes } from '../../codec/message-bytes.js'
import { NEVER_EXPIRES } from '../../model/session-expiry.js'
import { filterMatches, isSharedFilter } from '../../topic/topic.js'
import { type Deadline, Deadlines } from '../deadlines.js'
import { entryOf, incomingPacket, packetOf, readBack } from './entries.js'
import { ForeignAdditions } from './foreign.js'

interface SessionNote {
  clientId: string
  expiryInterval: number
  deadline: Deadline<SessionNote> | undefined
  details: SessionDetails | undefined
  incoming: Set<number>
}

interface WillNote {
  clientId: string
  deadline: Deadline<WillNote> | undefined
}

/** The contract finds queue entries by packet id only: one that was never sent gets an id no packet has. */
const FIRST_PRIVATE_ID = 65_536

export class AedesStore implements SessionPersistence {
  readonly sessionPersistence = 1
  readonly durability = 'memory'
  /** The contract does not say how many there are. */
  readonly retainedCount = 0
  readonly retainedBytes = 0
  readonly #store: AedesPersistence
  readonly #now: () => number
  readonly #sessions = new Map<string, SessionNote>()
  readonly #sessionDeadlines = new Deadlines<SessionNote>()
  readonly #wills = new Map<string, WillNote>()
  readonly #willDeadlines = new Deadlines<WillNote>()
  readonly #foreign = new ForeignAdditions(
    clientId => this.#readQueue(clientId),
    (message, deliveries) => this.#append(message, deliveries),
  )
  #brokerId = ''
  #privateId = FIRST_PRIVATE_ID

  constructor(store: AedesPersistence, now: () => number) {
    this.#store = store
    this.#now = now
  }

  setup(broker: { readonly id: string }) {
    this.#brokerId = broker.id
    return this.#store.setup(broker)
  }
  destroy() {
    return this.#store.destroy()
  }
  storeRetained(packet: Message) {
    return this.#store.storeRetained(packet)
  }
  /** Never refuses: the contract does not say how many there are. */
  checkRetained() {}
  createRetainedStream(pattern: string) {
    return this.#store.createRetainedStream(pattern)
  }
  createRetainedStreamCombi(patterns: string[]) {
    return this.#store.createRetainedStreamCombi(patterns)
  }
  addSubscriptions(client: { id: string }, subscriptions: StoredSubscription[]) {
    return this.#store.addSubscriptions(client, subscriptions)
  }
  removeSubscriptions(client: { id: string }, topics: string[]) {
    return this.#store.removeSubscriptions(client, topics)
  }
  subscriptionsByClient(client: { id: string }) {
    return this.#store.subscriptionsByClient(client)
  }
  cleanSubscriptions(client: { id: string }) {
    return this.#store.cleanSubscriptions(client)
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
  async getWill(client: { id: string }): Promise<StoredWill | undefined> {
    const will = await this.#store.getWill(client)
    return will ? readBack(will) : undefined
  }
  delWill(client: { id: string }) {
    return this.#store.delWill(client)
  }
  streamWill(brokers?: Record<string, unknown>) {
    return this.#store.streamWill(brokers)
  }
  getClientList(topic: string) {
    return this.#store.getClientList(topic)
  }

  /** The stores' matchers know no shared filters, and let `#` see topics that begin with `$`. */
  async subscriptionsByTopic(topic: string): Promise<MatchedSubscription[]> {
    const matched = await this.#store.subscriptionsByTopic(topic)
    return matched.filter(({ topic: filter }) => !isSharedFilter(filter) && filterMatches(filter, topic))
  }

  /** Wills of an earlier run wait for their delay from now on; its sessions are known by their subscriptions alone. */
  async recover(now: number): Promise<void> {
    for await (const will of this.#store.streamWill()) {
      const delay = will.properties?.willDelayInterval ?? 0
      if (will.clientId !== undefined) this.#scheduleWill(will.clientId, now + delay * 1000)
    }
  }

  async openSession(clientId: string): Promise<StoredSession | undefined> {
    const note = this.#sessions.get(clientId)
    const subscriptions = (await this.#store.subscriptionsByClient({ id: clientId })) ?? []
    if (note === undefined && subscriptions.length === 0) return undefined
    const { expiryInterval, deadline, details } = note ?? { expiryInterval: NEVER_EXPIRES }
    const incoming = [...(note?.incoming ?? [])]
    const session = { clientId, expiryInterval, expiresAt: deadline?.at, subscriptions, incoming }
    return details === undefined ? session : { ...session, details }
  }

  saveSession({ clientId, expiryInterval, expiresAt, details }: SessionChange) {
    const note: SessionNote = this.#sessions.get(clientId) ?? {
      clientId,
      expiryInterval,
      deadline: undefined,
      details: undefined,
      incoming: new Set(),
    }
    note.details = details ?? note.details
    this.#sessionDeadlines.remove(note.deadline)
    note.expiryInterval = expiryInterval
    note.deadline = expiresAt === undefined ? undefined : this.#sessionDeadlines.add(note, expiresAt)
    this.#sessions.set(clientId, note)
  }

  /** The note of it goes last: as long as the store fails, its deadline is still there. */
  async deleteSession(clientId: string): Promise<void> {
    const client = { id: clientId }
    await this.#store.cleanSubscriptions(client)
    await this.#store.cleanIncoming?.(client)
    for (const { ref, packetId, message, delivery } of await this.#readQueue(clientId)) {
      await this.removeQueued(clientId, ref, packetId, message && { ...delivery, message })
    }
    this.#sessionDeadlines.remove(this.#sessions.get(clientId)?.deadline)
    this.#sessions.delete(clientId)
  }

  expiredSessions(now: number, limit: number): string[] {
    return this.#sessionDeadlines.due(now, limit).map(({ clientId }) => clientId)
  }

  nextDeadline(): number | undefined {
    const session = this.#sessionDeadlines.next()
    const will = this.#willDeadlines.next()
    return session === undefined || (will !== undefined && will < session) ? will : session
  }

  sharedSubscriptions(): MatchedSubscription[] {
    return []
  }

  /** Only what another broker published can be in a queue already: where the brokers share the store. */
  async enqueue(message: Message, deliveries: readonly QueueDelivery[]): Promise<undefined> {
    if (message.brokerId === this.#brokerId && this.#foreign.isIdle) await this.#append(message, deliveries)
    else await this.#foreign.add(message, deliveries)
  }

  /** The contract stores one packet for several clients: those who get the message in the same way go together. */
  async #append(message: Message, deliveries: readonly QueueDelivery[]): Promise<void> {
    const variants = new Map<string, { copy: Message; subscriptions: { clientId: string }[] }>()
    for (const delivery of deliveries) {
      const { clientId, qos, retain, subscriptionIdentifiers } = delivery
      const key = `${qos}${retain}${subscriptionIdentifiers?.join()}`
      const variant = variants.get(key) ?? { copy: packetOf({ ...delivery, message }), subscriptions: [] }
      variant.subscriptions.push({ clientId })
      variants.set(key, variant)
    }
    const enqueued = [...variants.values()].map(({ copy, subscriptions }) =>
      this.#store.outgoingEnqueueCombi(subscriptions, copy),
    )
    await Promise.all(enqueued)
  }

  async *queued(clientId: string): AsyncGenerator<QueuedMessage> {
    yield* await this.#readQueue(clientId)
  }

  async *inflight(clientId: string): AsyncGenerator<QueuedMessage> {
    for (const entry of await this.#readQueue(clientId)) if (entry.packetId !== undefined) yield entry
  }

  async queueSize(clientId: string): Promise<{ messages: number; bytes: number }> {
    const queue = await this.#readQueue(clientId)
    const bytes = queue.reduce((sum, { message }) => sum + (message === undefined ? 0 : messageBytes(message)), 0)
    return { messages: queue.length, bytes }
  }

  async markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): Promise<void> {
    this.#foreign.noteSent(clientId, ref)
    const packet = packetOf(copy)
    packet.messageId = packetId
    await this.#update(clientId, packet)
  }

  /** Without the number, the store in memory takes one release for another, as neither has a broker's id. */
  async markReleased(clientId: string, { brokerCounter }: MessageRef, packetId: number): Promise<void> {
    await this.#update(clientId, { cmd: 'pubrel', messageId: packetId, brokerCounter })
  }

  /** A message that went over the bus only was never queued here. */
  async #update(clientId: string, packet: Message | StoredRelease): Promise<void> {
    try {
      await this.#store.outgoingUpdate({ id: clientId }, packet)
    } catch (error) {
      if (!isUnknown(error)) throw error
    }
  }

  async removeQueued(
    clientId: string,
    ref: MessageRef,
    packetId?: number | undefined,
    copy?: SentCopy | undefined,
  ): Promise<void> {
    let messageId = packetId
    if (messageId === undefined) {
      if (copy === undefined) return
      messageId = this.#privateId++
      await this.markSent(clientId, ref, messageId, copy)
    }
    await this.#store.outgoingClearMessageId({ id: clientId }, { messageId })
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

  async saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    await this.#store.putWill({ id: clientId }, { ...will })
    this.#scheduleWill(clientId, dueAt)
  }

  async deleteWill(clientId: string): Promise<void> {
    await this.#store.delWill({ id: clientId })
    this.#forgetWill(clientId)
  }

  async dueWills(now: number, limit: number): Promise<ScheduledWill[]> {
    const due: ScheduledWill[] = []
    for (const { clientId } of this.#willDeadlines.due(now, limit)) {
      const will = await this.getWill({ id: clientId })
      if (will) due.push({ clientId, will })
      else this.#forgetWill(clientId)
    }
    return due
  }

  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    const seen = new Set<string>()
    for await (const stored of this.#store.createRetainedStreamCombi([...filters])) {
      const message = readBack(stored)
      const { topic, messageExpiry } = message
      if (messageExpiry !== undefined && messageExpiry <= this.#now()) continue
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

  #scheduleWill(clientId: string, dueAt: number | undefined): void {
    const note = this.#wills.get(clientId) ?? { clientId, deadline: undefined }
    this.#willDeadlines.remove(note.deadline)
    note.deadline = dueAt === undefined ? undefined : this.#willDeadlines.add(note, dueAt)
    this.#wills.set(clientId, note)
  }

  #forgetWill(clientId: string): void {
    this.#scheduleWill(clientId, undefined)
    this.#wills.delete(clientId)
  }

  /** What was sent comes first, as it was sent first; the stores do not all keep that order. */
  async #readQueue(clientId: string): Promise<QueuedMessage[]> {
    const sent: QueuedMessage[] = []
    const waiting: QueuedMessage[] = []
    for await (const packet of this.#store.outgoingStream({ id: clientId })) {
      const entry = entryOf(clientId, packet)
      if (entry.packetId === undefined) waiting.push(entry)
      else sent.push(entry)
    }
    return [...sent, ...waiting]
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.message === 'no such packet'
}
