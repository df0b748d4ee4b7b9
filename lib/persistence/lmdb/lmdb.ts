/**
 * The durable store: one folder with an LMDB database, both contracts over the same data. Owns what only the base
 * contract requires, which the broker does not use; the rest is inherited.
 */
import { Readable } from 'node:stream'
import type { Message } from '../../../types/message/message.js'
import type {
  MaybePromise,
  QueuedMessage,
  ScheduledWill,
  SessionPersistence,
  StoreClient,
  StoreCounts,
  StoredRelease,
  StoredSession,
  StoredWill,
} from '../../../types/persistence.js'
import { toOutgoing } from '../aedes/packets.js'
import { messageRow } from './engine/encoding.js'
import { countsOf, listSessions, listWills, sessionsAfter } from './listing.js'
import type { LmdbPersistenceOptions } from './options.js'
import { LmdbSessionStore } from './session-store.js'

export type { CheckDepth, CheckReport, Damage, TableReport } from './check/check.js'
export type { SalvagedStore } from './check/salvage.js'
export type { Verification } from './engine/environment.js'
export type { LmdbDurability } from './engine/writer.js'
export {
  backupLmdbStore,
  type CompactionResult,
  checkLmdbStore,
  compactLmdbStore,
  salvageLmdbStore,
} from './operate.js'
export type { LmdbPersistenceOptions } from './options.js'

/**
 * Creates a store on disk. The broker opens it with `setup`, which rejects with ANAX_ERR_OPTION if the package `lmdb`
 * is missing, with ANAX_ERR_STORE if the folder cannot be opened or another process uses it, and with
 * ANAX_ERR_STORE_FORMAT if it is damaged or has another version.
 * @throws AnaxError ANAX_ERR_OPTION for an invalid option
 */
export function createLmdbPersistence(options: LmdbPersistenceOptions): LmdbPersistence {
  return new LmdbPersistence(options)
}

/** Keeps everything on disk. */
export class LmdbPersistence extends LmdbSessionStore implements SessionPersistence {
  sessions(): AsyncIterable<StoredSession> {
    return listSessions(this.parts)
  }

  sessionsAfter(clientId: string | undefined, limit: number): MaybePromise<StoredSession[]> {
    return sessionsAfter(this.parts, clientId, limit)
  }

  counts(): StoreCounts {
    return countsOf(this.parts)
  }

  wills(): AsyncIterable<ScheduledWill> {
    return listWills(this.parts)
  }

  /** The copy is compact: it has no free pages. */
  backup(path: string): Promise<void> {
    return this.parts.copyTo(path)
  }

  // Required only by the base contract

  countOffline(): MaybePromise<{ subsCount: number; clientsCount: number }> {
    const { writer, counters } = this.parts
    return writer.read(() => ({ subsCount: counters.storableSubscriptions, clientsCount: counters.subscribers }))
  }

  getClientList(topic: string): Readable {
    const { writer, subscriptions } = this.parts
    return Readable.from(fetched(async () => writer.read(() => [...subscriptions.subscribersOf(topic)])))
  }

  outgoingEnqueue({ clientId }: { clientId: string }, packet: Message): Promise<void> {
    return this.outgoingEnqueueCombi([{ clientId }], packet)
  }

  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: Message): Promise<void> {
    const { writer, aedes } = this.parts
    const clientIds = subscriptions.map(({ clientId }) => clientId)
    const row = messageRow(packet)
    return writer.add(() => aedes.enqueue(clientIds, row))
  }

  outgoingUpdate({ id }: StoreClient, packet: Message | StoredRelease): Promise<void> {
    const { writer, aedes } = this.parts
    return writer.change(() => aedes.update(id, packet))
  }

  outgoingClearMessageId(
    { id }: StoreClient,
    { messageId }: { messageId: number },
  ): Promise<Message | StoredRelease | undefined> {
    const { writer, aedes } = this.parts
    return writer.change(() => aedes.clearMessageId(id, messageId))
  }

  outgoingStream({ id }: StoreClient): Readable {
    return Readable.from(outgoing(this.queued(id)))
  }

  incomingStorePacket({ id }: StoreClient, packet: Message): Promise<void> {
    const { writer, aedes } = this.parts
    const copy = { ...packet }
    return writer.add(() => aedes.storeIncoming(id, copy))
  }

  async incomingGetPacket({ id }: StoreClient, { messageId }: { messageId: number }): Promise<{ messageId: number }> {
    const { writer, aedes } = this.parts
    return writer.read(() => aedes.incoming(id, messageId))
  }

  incomingDelPacket({ id }: StoreClient, { messageId }: { messageId: number }): Promise<void> {
    const { writer, aedes } = this.parts
    return writer.change(() => aedes.deleteIncoming(id, messageId))
  }

  cleanIncoming({ id }: StoreClient): Promise<void> {
    const { writer, sessions, aedes } = this.parts
    return writer.change(() => {
      const session = sessions.find(id)
      if (session === undefined) return
      sessions.clearIncoming(session)
      aedes.discardIfEmpty(session)
    })
  }

  putWill({ id }: StoreClient, will: StoredWill): Promise<void> {
    // Users of the base contract read the two fields from the packet that they passed.
    return this.saveWill(id, Object.assign(will, this.owned(id, will)), undefined)
  }

  streamWill(brokers: Record<string, unknown> = {}): Readable {
    const { writer, wills } = this.parts
    return Readable.from(fetched(async () => writer.read(() => wills.ofOthers(brokers))))
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern])
  }

  createRetainedStreamCombi(patterns: string[]): Readable {
    return Readable.from(this.parts.retained.match(patterns))
  }
}

async function* outgoing(entries: AsyncIterable<QueuedMessage>): AsyncGenerator<Message | StoredRelease> {
  for await (const entry of entries) yield toOutgoing(entry)
}

async function* fetched<T>(fetch: () => Promise<T[]>): AsyncGenerator<T> {
  yield* await fetch()
}
