/**
 * Writes the records of an export to a store or a cluster, through the contract of stores. Owns that each queue keeps
 * its order; knows no particular store.
 */
import { randomUUID } from 'node:crypto'
import type { Message } from '../../types/message/message.js'
import type { MessageRef, QueuePolicy, SessionPersistence } from '../../types/persistence.js'
import type { QueuedRecord, SessionRecord, StoreRecord } from './records.js'

/** The counts of an import. */
export interface ImportResult {
  sessions: number
  queued: number
  wills: number
  retained: number
}

/** What an import writes to: a store, or a cluster by `openClusterImport`. */
export type ImportTarget = Pick<
  SessionPersistence,
  | 'deleteSession'
  | 'saveSession'
  | 'addSubscriptions'
  | 'addIncoming'
  | 'enqueue'
  | 'markSent'
  | 'markReleased'
  | 'saveWill'
  | 'storeRetained'
> &
  Partial<Pick<SessionPersistence, 'sessions'>>

/** No limits: the records were already accepted by a store. */
const UNLIMITED: QueuePolicy = {
  limitsOf: () => ({ maxMessages: Infinity, maxBytes: Infinity, overflow: 'drop-newest' }),
  maxTotalBytes: Infinity,
}
/** Maximum number of pending operations. */
const PIPELINED = 500

/**
 * Imports records into a store, which must be set up and not in use, or into a cluster (`openClusterImport`). Existing
 * sessions are replaced, with their queues, and so are wills and retained messages.
 * @throws the store's error; records imported before it stay
 */
export async function importStore(
  store: ImportTarget,
  records: AsyncIterable<StoreRecord> | Iterable<StoreRecord>,
): Promise<ImportResult> {
  const importer = new Importer(store, (await hasSessions(store)) ? `:${randomUUID()}` : '')
  for await (const record of records) await importer.take(record)
  return importer.finish()
}

async function hasSessions(store: ImportTarget): Promise<boolean> {
  if (store.sessions === undefined) return true
  for await (const _session of store.sessions()) return true
  return false
}

class Importer {
  readonly #store: ImportTarget
  readonly #suffix: string
  readonly #result: ImportResult = { sessions: 0, queued: 0, wills: 0, retained: 0 }
  /** Messages in the store, with their position in the order. */
  readonly #places = new Map<string, number>()
  /** The position of the last message in each queue. */
  readonly #lastPlaces = new Map<string, number>()
  #underWay: unknown[] = []

  /**
   * @param suffix added to the broker ids of messages if the store may already have messages with the same identities,
   * which would keep their old position
   */
  constructor(store: ImportTarget, suffix: string) {
    this.#store = store
    this.#suffix = suffix
  }

  async take(record: StoreRecord): Promise<void> {
    if (record.kind === 'session') await this.#takeSession(record)
    else if (record.kind === 'queued') this.#takeQueued(record)
    else if (record.kind === 'will') {
      this.#result.wills++
      this.#begin(this.#store.saveWill(record.clientId, record.will, record.dueAt))
    } else if (record.kind === 'retained') {
      this.#result.retained++
      this.#begin(this.#store.storeRetained(completed({ ...record.message, retain: true })))
    }
    if (this.#underWay.length >= PIPELINED) await this.#settle()
  }

  async finish(): Promise<ImportResult> {
    await this.#settle()
    return this.#result
  }

  async #takeSession({ clientId, expiryInterval, expiresAt, details, subscriptions, incoming }: SessionRecord) {
    await this.#settle()
    await this.#store.deleteSession(clientId)
    this.#result.sessions++
    this.#begin(this.#store.saveSession({ clientId, expiryInterval, expiresAt, details }))
    if (subscriptions.length > 0) this.#begin(this.#store.addSubscriptions({ id: clientId }, subscriptions))
    for (const packetId of incoming) this.#begin(this.#store.addIncoming(clientId, packetId))
  }

  #takeQueued(record: QueuedRecord): void {
    const { clientId, qos, retain, subscriptionIdentifiers, share, packetId } = record
    const message = this.#identified(record)
    const delivery = { clientId, qos, retain, subscriptionIdentifiers, share }
    this.#result.queued++
    this.#begin(this.#store.enqueue(message, [delivery], UNLIMITED))
    if (packetId === undefined) return
    const copy = { message, qos, retain, subscriptionIdentifiers }
    this.#begin(this.#store.markSent(clientId, message, packetId, copy))
    if (record.message === undefined) this.#begin(this.#store.markReleased(clientId, message, packetId))
  }

  /**
   * The message with its identity in this store. A store may keep a message once for all queues, at one position in the
   * order of all messages. If that position would be wrong in this queue, the message gets a separate identity.
   */
  #identified({ clientId, ref, message }: QueuedRecord): Message {
    const place = this.#places.get(keyOf(ref))
    const last = this.#lastPlaces.get(clientId) ?? -1
    const fits = place === undefined || place > last
    const own = fits ? (place ?? this.#places.size) : this.#places.size
    const identity = { brokerId: fits ? ref.brokerId : `${ref.brokerId}:${own}`, brokerCounter: ref.brokerCounter }
    this.#places.set(keyOf(identity), own)
    this.#lastPlaces.set(clientId, own)
    return completed({ ...message, ...identity, brokerId: identity.brokerId + this.#suffix })
  }

  #begin(operation: unknown): void {
    this.#underWay.push(operation)
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#underWay.splice(0))
  }
}

function keyOf({ brokerId, brokerCounter }: MessageRef): string {
  return `${brokerCounter} ${brokerId}`
}

/** A message with all its fields, because JSON omits undefined ones. */
function completed(message: Partial<Message>): Message {
  return {
    cmd: 'publish',
    brokerId: '',
    brokerCounter: 0,
    topic: '',
    payload: Buffer.alloc(0),
    qos: 0,
    retain: false,
    dup: false,
    clientId: undefined,
    properties: undefined,
    messageExpiry: undefined,
    ...message,
    messageId: undefined,
  }
}
