/**
 * The LMDB store as the broker uses it: sessions, subscriptions, queues, wills and retained messages.
 * Owns which operations form one change, and that each operation sees the results of all earlier ones. Knows nothing of
 * the broker.
 */
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
  StoredSession,
  StoredSubscription,
  StoredWill,
  StoreOwner,
  SweepResult,
} from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import { checkRetained } from '../retained-limits.js'
import { messageRow, packetRow } from './engine/encoding.js'
import type { LmdbDurability } from './engine/writer.js'
import { storedSession } from './listing.js'
import { checkOptions, type LmdbPersistenceOptions } from './options.js'
import { LmdbParts } from './parts.js'
import { DeadlineKind } from './tables/deadlines.js'
import { QueueInsertion } from './tables/enqueue.js'
import type { LmdbEntry } from './tables/queues.js'
import type { SessionRecord } from './tables/sessions.js'

/** Methods that are added in lmdb.ts. */
type Elsewhere =
  | 'countOffline'
  | 'getClientList'
  | `createRetained${string}`
  | `outgoing${string}`
  | `incoming${string}`
  | 'putWill'
  | 'streamWill'
  | 'sessions'
  | 'sessionsAfter'
  | 'counts'
  | 'wills'
  | 'backup'

/** Maximum number of rows that one change touches, so that it does not block the event loop. */
const STEP = 500

/** The part of the store that a broker uses. */
export abstract class LmdbSessionStore implements Omit<SessionPersistence, Elsewhere> {
  readonly sessionPersistence = 1
  readonly durability: LmdbDurability
  readonly #options: Required<LmdbPersistenceOptions>
  #open: LmdbParts | undefined
  #broker: StoreOwner | undefined
  /** Queue entries removed with ended sessions in the current transaction, which may end many sessions. */
  #emptied = 0
  #cleaning: LmdbParts | undefined

  /** @throws AnaxError ANAX_ERR_OPTION */
  constructor(options: LmdbPersistenceOptions) {
    this.#options = checkOptions(options)
    this.durability = this.#options.durability
  }

  /** The broker that `setup` was called for. */
  get broker(): StoreOwner | undefined {
    return this.#broker
  }

  get retainedCount(): number {
    return this.parts.retained.count
  }

  get retainedBytes(): number {
    return this.parts.retained.bytes
  }

  /** @throws AnaxError ANAX_ERR_STORE_FORMAT, ANAX_ERR_STORE */
  async setup(broker: StoreOwner): Promise<void> {
    this.#open ??= await LmdbParts.open(this.#options)
    this.#broker = broker
    this.#cleanUp(this.#open)
  }

  /** Writes everything to the disk and closes the database. */
  async destroy(): Promise<void> {
    try {
      await this.#open?.close()
    } finally {
      this.#open = undefined
      this.#broker = undefined
    }
  }

  // Sessions

  async recover(now: number): Promise<void> {
    const { writer, sessions, wills } = this.parts
    // Without a stored session, the session ended with the connection, so the will is due at once.
    const sessionLife = (clientId: string) => sessions.find(clientId)?.expiryInterval ?? 0
    while ((await writer.change(() => wills.recover(now, STEP, sessionLife))) === STEP);
    while ((await writer.change(() => sessions.recover(now, STEP))) === STEP);
  }

  openSession(clientId: string): MaybePromise<StoredSession | undefined> {
    const { writer, sessions } = this.parts
    return writer.read(() => {
      const session = sessions.find(clientId)
      return session && storedSession(this.parts, session)
    })
  }

  saveSession({ clientId, expiryInterval, expiresAt, details }: SessionChange): Promise<void> {
    const change: SessionChange = { clientId, expiryInterval, expiresAt, details: details && { ...details } }
    return this.parts.writer.add(() => this.parts.sessions.save(change))
  }

  async deleteSession(clientId: string): Promise<void> {
    const parts = this.parts
    const { writer, sessions, subscriptions, queues } = parts
    await writer.change(() => {
      const session = sessions.find(clientId)
      if (session === undefined) return
      subscriptions.clear(session)
      this.#emptied += queues.end(session, STEP - this.#emptied)
      writer.afterCommit(() => {
        this.#emptied = 0
      })
      sessions.delete(session)
    })
    this.#cleanUp(parts)
  }

  expiredSessions(now: number, limit: number): MaybePromise<string[]> {
    const { writer, deadlines } = this.parts
    return writer.read(() => deadlines.due(DeadlineKind.session, now, limit).map(({ clientId }) => clientId))
  }

  nextDeadline(): number | undefined {
    return this.parts.deadlines.next()
  }

  async sweep(now: number, limit: number): Promise<SweepResult> {
    const { writer, deadlines, queues, retained } = this.parts
    const swept = await writer.change(() => {
      const due = deadlines.due(DeadlineKind.queued, now, limit)
      const dropped: DroppedMessage[] = []
      for (const { owner, clientId } of due) {
        const message = queues.expire(owner)
        if (message !== undefined) dropped.push({ clientId, message, reason: 'expired' })
      }
      return { dropped, retained: retained.takeExpired(now, limit - due.length) }
    })
    return { ...swept, more: deadlines.isDue(now) }
  }

  // Subscriptions

  addSubscriptions({ id }: StoreClient, subscriptions: StoredSubscription[]): Promise<void> {
    const { writer, sessions, subscriptions: stored } = this.parts
    const added = subscriptions.map(subscription => ({ ...subscription }))
    return writer.add(() => {
      const session = sessions.obtain(id)
      for (const subscription of added) stored.add(session, subscription)
    })
  }

  removeSubscriptions({ id }: StoreClient, topics: string[]): Promise<void> {
    const { writer, sessions, subscriptions, aedes } = this.parts
    return writer.change(() => {
      const session = sessions.find(id)
      if (session === undefined) return
      for (const topic of topics) subscriptions.remove(session, topic)
      aedes.discardIfEmpty(session)
    })
  }

  cleanSubscriptions({ id }: StoreClient): Promise<void> {
    const { writer, sessions, subscriptions, aedes } = this.parts
    return writer.change(() => {
      const session = sessions.find(id)
      if (session === undefined) return
      subscriptions.clear(session)
      aedes.discardIfEmpty(session)
    })
  }

  subscriptionsByClient({ id }: StoreClient): MaybePromise<StoredSubscription[]> {
    const { writer, sessions, subscriptions } = this.parts
    return writer.read(() => {
      const session = sessions.find(id)
      return session === undefined ? [] : subscriptions.of(session)
    })
  }

  subscriptionsByTopic(topic: string): MaybePromise<readonly MatchedSubscription[]> {
    return this.parts.subscriptions.match(topic, this.#broker?.turns)
  }

  sharedSubscriptions(): Iterable<MatchedSubscription> {
    return this.parts.subscriptions.shared()
  }

  // Queues

  enqueue(
    message: Message,
    deliveries: readonly QueueDelivery[],
    policy: QueuePolicy,
  ): Promise<DroppedMessage[] | undefined> {
    const parts = this.parts
    const row = messageRow(message)
    return parts.writer.add(() => new QueueInsertion(parts, row, policy).enqueue(deliveries))
  }

  queued(clientId: string): AsyncGenerator<QueuedMessage, void, undefined> {
    const { queues } = this.parts
    return this.#entries(clientId, (session, after) => queues.page(session, after))
  }

  async *inflight(clientId: string): AsyncGenerator<QueuedMessage, void, undefined> {
    const { queues } = this.parts
    const entries = this.#entries(clientId, (session, after) => queues.pageOfSent(session, after))
    for await (const entry of entries) if (entry.packetId !== undefined) yield entry
  }

  async *#entries(
    clientId: string,
    pageOf: (session: SessionRecord, after: number) => LmdbEntry[],
  ): AsyncGenerator<QueuedMessage, void, undefined> {
    const { writer, sessions, queues } = this.parts
    for (let after = 0; ; ) {
      const page = await writer.read(() => {
        const session = sessions.find(clientId)
        return session === undefined ? [] : pageOf(session, after)
      })
      for (const entry of page) {
        const queued = queues.queuedMessage(clientId, entry)
        if (queued !== undefined) yield queued
      }
      const last = page.at(-1)
      if (last === undefined) return
      after = last.message
    }
  }

  queueSize(clientId: string): MaybePromise<{ messages: number; bytes: number }> {
    const { writer, sessions, queues } = this.parts
    return writer.read(() => {
      const session = sessions.find(clientId)
      return session === undefined ? { messages: 0, bytes: 0 } : queues.size(session)
    })
  }

  /** Bytes in all queues together, each message counted once. */
  countQueuedBytes(): MaybePromise<number> {
    const { writer, counters } = this.parts
    return writer.read(() => counters.queuedBytes)
  }

  markSent(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    return this.#changeEntry(clientId, ref, entry => this.parts.queues.markSent(entry, packetId))
  }

  markReleased(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    return this.#changeEntry(clientId, ref, entry => this.parts.queues.markReleased(entry, ref, packetId))
  }

  removeQueued(clientId: string, ref: MessageRef): Promise<void> {
    return this.#changeEntry(clientId, ref, entry => this.parts.queues.remove(entry, ref))
  }

  // Incoming QoS 2

  addIncoming(clientId: string, packetId: number): Promise<void> {
    const { writer, sessions } = this.parts
    return writer.add(() => sessions.addIncoming(sessions.obtain(clientId), packetId, null))
  }

  removeIncoming(clientId: string, packetId: number): Promise<void> {
    const { writer, sessions } = this.parts
    return writer.change(() => {
      const session = sessions.find(clientId)
      if (session !== undefined) sessions.removeIncoming(session, packetId)
    })
  }

  // Wills

  saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    const { writer, wills } = this.parts
    const row = packetRow(this.owned(clientId, will))
    return writer.add(() => wills.save(clientId, row, dueAt))
  }

  async deleteWill(clientId: string): Promise<void> {
    await this.delWill({ id: clientId })
  }

  dueWills(now: number, limit: number): MaybePromise<ScheduledWill[]> {
    const { writer, wills } = this.parts
    return writer.read(() => wills.due(now, limit))
  }

  getWill({ id }: StoreClient): MaybePromise<StoredWill | undefined> {
    const { writer, wills } = this.parts
    return writer.read(() => wills.get(id))
  }

  delWill({ id }: StoreClient): Promise<StoredWill | undefined> {
    const { writer, wills } = this.parts
    return writer.change(() => wills.delete(id))
  }

  // Retained messages

  storeRetained(packet: Message): Promise<void> {
    return this.parts.retained.store(packet)
  }

  checkRetained(message: Message, limits: RetainedLimits): void {
    checkRetained(message, limits, this.parts.retained)
  }

  retained(filters: readonly string[]): AsyncIterable<Message> {
    return this.parts.retained.match(filters)
  }

  retainedOf(topic: string): Message | undefined {
    return this.parts.retained.get(topic)
  }

  /** The parts of the open store. @throws AnaxError ANAX_ERR_CLOSED */
  protected get parts(): LmdbParts {
    if (this.#open === undefined)
      throw new AnaxError('ANAX_ERR_CLOSED', { detail: `the store in ${this.#options.path}` })
    return this.#open
  }

  #changeEntry(clientId: string, ref: MessageRef, change: (entry: LmdbEntry) => void): Promise<void> {
    const { writer, sessions, queues } = this.parts
    return writer.change(() => {
      const session = sessions.find(clientId)
      const entry = session && queues.find(session, ref)
      if (entry !== undefined) change(entry)
    })
  }

  /** Adds the client and the broker to a will. */
  protected owned(clientId: string, will: StoredWill): StoredWill {
    const owned: StoredWill = { ...will, clientId }
    if (this.#broker !== undefined) owned.brokerId = this.#broker.id
    return owned
  }

  /** Removes the remaining queue entries of ended sessions, step by step. */
  async #cleanUp(parts: LmdbParts): Promise<void> {
    const { writer, queues } = parts
    if (this.#cleaning === parts || !queues.hasEnded) return
    this.#cleaning = parts
    try {
      while (await writer.change(() => queues.cleanUp(STEP)));
    } catch {
      // The store was closed, or the disk is full. It continues when the next session ends, or at the next start.
    }
    this.#cleaning = undefined
  }
}
