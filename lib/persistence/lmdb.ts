/**
 * The durable store: one folder with an LMDB database, both contracts over the same data.
 * Owns the wiring of its parts (sessions, subscriptions, queues, retained messages, wills) and what is one change;
 * knows nothing of the broker. Whatever was asked for before is seen by whatever is asked for after.
 */
import { Readable } from 'node:stream'
import type { Message } from '../../types/message.js'
import type {
  DroppedMessage,
  MatchedSubscription,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  QueuedMessage,
  QueuePolicy,
  ScheduledWill,
  SessionPersistence,
  StoreClient,
  StoredRelease,
  StoredSession,
  StoredSubscription,
  StoredWill,
  SweepResult,
} from '../../types/persistence.js'
import { AnaxError } from '../errors.js'
import { toOutgoing } from './aedes-packets.js'
import { DeadlineKind } from './lmdb-deadlines.js'
import { messageOf, messageRow, packetRow } from './lmdb-encoding.js'
import { Arrival } from './lmdb-enqueue.js'
import { LmdbParts } from './lmdb-parts.js'
import type { LmdbEntry } from './lmdb-queues.js'
import type { LmdbDurability } from './lmdb-writer.js'

export type { LmdbDurability } from './lmdb-writer.js'

/** Options of the LMDB store. */
export interface LmdbPersistenceOptions {
  /** The folder, which is created where it is missing. One process at a time may have it open. */
  path: string
  /** What an acknowledgement is worth: it survives a crash of the process, or a power cut as well. @default 'commit' */
  durability?: LmdbDurability
  /** Milliseconds since the epoch, by which retained messages expire. @default Date.now */
  now?: () => number
}

/** Rows that one change of many touches at most, so that the event loop has its turn. */
const STEP = 500

/**
 * Makes a store on disk; it is opened by `setup`. Needs the package `lmdb`.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function createLmdbPersistence(options: LmdbPersistenceOptions): LmdbPersistence {
  return new LmdbPersistence(options)
}

/** Keeps everything on disk. */
export class LmdbPersistence implements SessionPersistence {
  readonly sessionPersistence = 1
  readonly durability: LmdbDurability
  readonly #path: string
  readonly #now: () => number
  #open: LmdbParts | undefined
  #broker: { readonly id: string } | undefined

  /** @throws AnaxError ANAX_ERR_OPTION */
  constructor({ path, durability = 'commit', now = Date.now }: LmdbPersistenceOptions) {
    if (typeof path !== 'string' || path === '') throw badOption('path must be that of a folder')
    if (durability !== 'commit' && durability !== 'sync') throw badOption("durability must be 'commit' or 'sync'")
    this.durability = durability
    this.#path = path
    this.#now = now
  }

  /** The broker that it was set up for. */
  get broker(): { readonly id: string } | undefined {
    return this.#broker
  }

  get retainedCount(): number {
    return this.#parts.retained.count
  }

  get retainedBytes(): number {
    return this.#parts.retained.bytes
  }

  /** @throws AnaxError ANAX_ERR_STORE_FORMAT, ANAX_ERR_STORE */
  async setup(broker: { readonly id: string }): Promise<void> {
    this.#open ??= await LmdbParts.open(this.#path, this.durability, this.#now)
    this.#broker = broker
    this.#cleanUp(this.#open)
  }

  /** Closes the database, with all that was stored on the disk. */
  async destroy(): Promise<void> {
    const parts = this.#open
    this.#open = undefined
    this.#broker = undefined
    await parts?.close()
  }

  // Sessions

  async recover(now: number): Promise<void> {
    const { writer, sessions, wills } = this.#parts
    // A client without a session has ended it with its connection, and with that its will is due.
    const sessionLife = (clientId: string) => sessions.find(clientId)?.expiryInterval ?? 0
    while ((await writer.change(() => wills.recover(now, STEP, sessionLife))) === STEP);
    while ((await writer.change(() => sessions.recover(now, STEP))) === STEP);
  }

  openSession(clientId: string): MaybePromise<StoredSession | undefined> {
    const { writer, sessions, subscriptions } = this.#parts
    return writer.read(() => {
      const session = sessions.find(clientId)
      if (session?.expiryInterval === undefined) return undefined
      const { expiryInterval, expiresAt } = session
      const incoming = sessions.incoming(session)
      return { clientId, expiryInterval, expiresAt, subscriptions: subscriptions.of(session), incoming }
    })
  }

  saveSession(session: Pick<StoredSession, 'clientId' | 'expiryInterval' | 'expiresAt'>): Promise<void> {
    const { clientId, expiryInterval, expiresAt } = session
    return this.#parts.writer.add(() => this.#parts.sessions.save({ clientId, expiryInterval, expiresAt }))
  }

  async deleteSession(clientId: string): Promise<void> {
    const parts = this.#parts
    const { writer, sessions, subscriptions, queues } = parts
    await writer.change(() => {
      const session = sessions.find(clientId)
      if (session === undefined) return
      subscriptions.clear(session)
      queues.end(session, STEP)
      sessions.delete(session)
    })
    this.#cleanUp(parts)
  }

  expiredSessions(now: number, limit: number): MaybePromise<string[]> {
    const { writer, deadlines } = this.#parts
    return writer.read(() => deadlines.due(DeadlineKind.session, now, limit).map(({ clientId }) => clientId))
  }

  nextDeadline(): number | undefined {
    return this.#parts.deadlines.next()
  }

  async sweep(now: number, limit: number): Promise<SweepResult> {
    const { writer, deadlines, queues, retained } = this.#parts
    const result = await writer.change(() => {
      const due = deadlines.due(DeadlineKind.queued, now, limit)
      const dropped: DroppedMessage[] = []
      for (const { owner, clientId } of due) {
        const message = queues.expire(owner)
        if (message !== undefined) dropped.push({ clientId, message, reason: 'expired' })
      }
      return { dropped, retained: retained.takeExpired(now, limit - due.length), more: due.length === limit }
    })
    const more = result.more || result.retained.length === limit - result.dropped.length
    return { ...result, more: more && deadlines.isDue(now) }
  }

  // Subscriptions

  addSubscriptions({ id }: StoreClient, subscriptions: StoredSubscription[]): Promise<void> {
    const { writer, sessions, subscriptions: stored } = this.#parts
    const added = subscriptions.map(subscription => ({ ...subscription }))
    return writer.add(() => {
      const session = sessions.obtain(id)
      for (const subscription of added) stored.add(session, subscription)
    })
  }

  removeSubscriptions({ id }: StoreClient, topics: string[]): Promise<void> {
    const { writer, sessions, subscriptions, aedes } = this.#parts
    return writer.change(() => {
      const session = sessions.find(id)
      if (session === undefined) return
      for (const topic of topics) subscriptions.remove(session, topic)
      aedes.discardIfEmpty(session)
    })
  }

  cleanSubscriptions({ id }: StoreClient): Promise<void> {
    const { writer, sessions, subscriptions, aedes } = this.#parts
    return writer.change(() => {
      const session = sessions.find(id)
      if (session === undefined) return
      subscriptions.clear(session)
      aedes.discardIfEmpty(session)
    })
  }

  subscriptionsByClient({ id }: StoreClient): MaybePromise<StoredSubscription[]> {
    const { writer, sessions, subscriptions } = this.#parts
    return writer.read(() => {
      const session = sessions.find(id)
      return session === undefined ? [] : subscriptions.of(session)
    })
  }

  subscriptionsByTopic(topic: string): readonly MatchedSubscription[] {
    return this.#parts.subscriptions.match(topic)
  }

  sharedSubscriptions(): Iterable<MatchedSubscription> {
    return this.#parts.subscriptions.shared()
  }

  countOffline(): MaybePromise<{ subsCount: number; clientsCount: number }> {
    const { writer, counters } = this.#parts
    return writer.read(() => ({ subsCount: counters.storableSubscriptions, clientsCount: counters.subscribers }))
  }

  getClientList(topic: string): Readable {
    const { writer, subscriptions } = this.#parts
    return Readable.from(fetched(async () => writer.read(() => [...subscriptions.subscribersOf(topic)])))
  }

  // Queues

  enqueue(
    message: Message,
    deliveries: readonly QueueDelivery[],
    policy: QueuePolicy,
  ): Promise<DroppedMessage[] | undefined> {
    const parts = this.#parts
    const copy = messageOf(messageRow(message))
    return parts.writer.add(() => new Arrival(parts, copy, policy).enqueue(deliveries))
  }

  async *queued(clientId: string): AsyncGenerator<QueuedMessage, void, undefined> {
    const { writer, sessions, queues } = this.#parts
    for (let after = 0; ; ) {
      const page = await writer.read(() => {
        const session = sessions.find(clientId)
        return session === undefined ? [] : queues.page(session, after)
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
    const { writer, sessions, queues } = this.#parts
    return writer.read(() => {
      const session = sessions.find(clientId)
      return session === undefined ? { messages: 0, bytes: 0 } : queues.size(session)
    })
  }

  markSent(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    return this.#changeEntry(clientId, ref, entry => this.#parts.queues.markSent(entry, packetId))
  }

  markReleased(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    return this.#changeEntry(clientId, ref, entry => this.#parts.queues.markReleased(entry, ref, packetId))
  }

  removeQueued(clientId: string, ref: MessageRef): Promise<void> {
    return this.#changeEntry(clientId, ref, entry => this.#parts.queues.remove(entry))
  }

  outgoingEnqueue({ clientId }: { clientId: string }, packet: Message): Promise<void> {
    return this.outgoingEnqueueCombi([{ clientId }], packet)
  }

  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: Message): Promise<void> {
    const { writer, aedes } = this.#parts
    const clientIds = subscriptions.map(({ clientId }) => clientId)
    const copy = messageOf(messageRow(packet))
    return writer.add(() => aedes.enqueue(clientIds, copy))
  }

  outgoingUpdate({ id }: StoreClient, packet: Message | StoredRelease): Promise<void> {
    const { writer, aedes } = this.#parts
    return writer.change(() => aedes.update(id, packet))
  }

  outgoingClearMessageId(
    { id }: StoreClient,
    { messageId }: { messageId: number },
  ): Promise<Message | StoredRelease | undefined> {
    const { writer, aedes } = this.#parts
    return writer.change(() => aedes.clearMessageId(id, messageId))
  }

  outgoingStream({ id }: StoreClient): Readable {
    return Readable.from(outgoing(this.queued(id)))
  }

  // Incoming QoS 2

  addIncoming(clientId: string, packetId: number): Promise<void> {
    const { writer, sessions } = this.#parts
    return writer.add(() => sessions.addIncoming(sessions.obtain(clientId), packetId, null))
  }

  removeIncoming(clientId: string, packetId: number): Promise<void> {
    const { writer, sessions } = this.#parts
    return writer.change(() => {
      const session = sessions.find(clientId)
      if (session !== undefined) sessions.removeIncoming(session, packetId)
    })
  }

  incomingStorePacket({ id }: StoreClient, packet: Message): Promise<void> {
    const { writer, aedes } = this.#parts
    const copy = { ...packet }
    return writer.add(() => aedes.storeIncoming(id, copy))
  }

  async incomingGetPacket({ id }: StoreClient, { messageId }: { messageId: number }): Promise<{ messageId: number }> {
    const { writer, aedes } = this.#parts
    return writer.read(() => aedes.incoming(id, messageId))
  }

  incomingDelPacket({ id }: StoreClient, { messageId }: { messageId: number }): Promise<void> {
    const { writer, aedes } = this.#parts
    return writer.change(() => aedes.deleteIncoming(id, messageId))
  }

  cleanIncoming({ id }: StoreClient): Promise<void> {
    const { writer, sessions, aedes } = this.#parts
    return writer.change(() => {
      const session = sessions.find(id)
      if (session === undefined) return
      sessions.clearIncoming(session)
      aedes.discardIfEmpty(session)
    })
  }

  // Wills

  saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    const { writer, wills } = this.#parts
    const row = packetRow(this.#owned(clientId, will))
    return writer.add(() => wills.save(clientId, row, dueAt))
  }

  async deleteWill(clientId: string): Promise<void> {
    await this.delWill({ id: clientId })
  }

  dueWills(now: number, limit: number): MaybePromise<ScheduledWill[]> {
    const { writer, wills } = this.#parts
    return writer.read(() => wills.due(now, limit))
  }

  putWill({ id }: StoreClient, will: StoredWill): Promise<void> {
    // Users of the base contract read the two fields from the packet that they handed in.
    return this.saveWill(id, Object.assign(will, this.#owned(id, will)), undefined)
  }

  getWill({ id }: StoreClient): MaybePromise<StoredWill | undefined> {
    const { writer, wills } = this.#parts
    return writer.read(() => wills.get(id))
  }

  delWill({ id }: StoreClient): Promise<StoredWill | undefined> {
    const { writer, wills } = this.#parts
    return writer.change(() => wills.delete(id))
  }

  streamWill(brokers: Record<string, unknown> = {}): Readable {
    const { writer, wills } = this.#parts
    return Readable.from(fetched(async () => writer.read(() => wills.ofOthers(brokers))))
  }

  // Retained messages

  storeRetained(packet: Message): Promise<void> {
    return this.#parts.retained.store(packet)
  }

  retained(filters: readonly string[]): AsyncIterable<Message> {
    return this.#parts.retained.match(filters)
  }

  retainedOf(topic: string): Message | undefined {
    return this.#parts.retained.get(topic)
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern])
  }

  createRetainedStreamCombi(patterns: string[]): Readable {
    return Readable.from(this.#parts.retained.match(patterns))
  }

  get #parts(): LmdbParts {
    if (this.#open === undefined) throw new AnaxError('ANAX_ERR_CLOSED', { detail: `the store in ${this.#path}` })
    return this.#open
  }

  #changeEntry(clientId: string, ref: MessageRef, change: (entry: LmdbEntry) => void): Promise<void> {
    const { writer, sessions, queues } = this.#parts
    return writer.change(() => {
      const session = sessions.find(clientId)
      const entry = session && queues.find(session, ref)
      if (entry !== undefined) change(entry)
    })
  }

  #owned(clientId: string, will: StoredWill): StoredWill {
    const owned: StoredWill = { ...will, clientId }
    if (this.#broker !== undefined) owned.brokerId = this.#broker.id
    return owned
  }

  /** Removes in steps what long queues of ended sessions have left. */
  async #cleanUp({ writer, queues }: LmdbParts): Promise<void> {
    if (!queues.hasEnded) return
    try {
      while (await writer.change(() => queues.cleanUp(STEP)));
    } catch {
      // Closed, or the disk has no room even for that: it goes on when the next session ends, or at the next start.
    }
  }
}

async function* outgoing(entries: AsyncIterable<QueuedMessage>): AsyncGenerator<Message | StoredRelease> {
  for await (const entry of entries) yield toOutgoing(entry)
}

async function* fetched<T>(fetch: () => Promise<T[]>): AsyncGenerator<T> {
  yield* await fetch()
}

function badOption(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail: `LMDB store: ${detail}` })
}
