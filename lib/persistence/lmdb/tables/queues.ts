/**
 * The queues of the LMDB store: their entries in order, the state of each entry, and the size of each queue.
 * Owns entries and counts. Knows no limits. Methods that write must be called inside a change of the writer.
 */
import type { Message } from '../../../../types/message/message.js'
import type { MessageRef, QueueDelivery, QueuedMessage } from '../../../../types/persistence.js'
import type { Amount } from '../../room.js'
import { numberIn, numberKey } from '../engine/encoding.js'
import type { LmdbEnvironment } from '../engine/environment.js'
import type { RowCache } from '../engine/row-cache.js'
import type { Table } from '../engine/table.js'
import { DeadlineKind, type LmdbDeadlines } from './deadlines.js'
import type { LmdbMessages } from './messages.js'
import type { SessionRecord } from './sessions.js'

/** An entry in the stored form. */
export type EntryRow = readonly [
  packetId: number | null,
  qos: QueueDelivery['qos'],
  retain: boolean,
  bytes: number,
  messageExpiry: number | null,
  subscriptionIdentifiers: readonly number[] | null,
  share: string | null,
  /** The identity of the message, once its content was released. */
  brokerId: string | null,
  brokerCounter: number | null,
]

type QueueRow = readonly [
  messages: number,
  bytes: number,
  sentUpTo: number,
  sentMessages: number,
  sentBytes: number,
  unsentFrom: number,
]

/** The summary of a queue, known without reading its entries. */
interface QueueState extends Amount {
  /** The last message that was sent. */
  sentUpTo: number
  sentMessages: number
  sentBytes: number
  /** All messages before this one were sent. */
  unsentFrom: number
}

/** The fields of a message that an entry stores. */
interface Placed {
  /** Its number, which is its place in the order. */
  readonly place: number
  readonly bytes: number
  readonly expiry: number | null
}

/** An entry with its key. */
export interface LmdbEntry {
  readonly session: number
  readonly message: number
  readonly row: EntryRow
}

/** Entries read in one step. */
const PAGE = 100

const NOTHING_QUEUED: QueueRow = [0, 0, 0, 0, 0, 0]

/** The queues of all sessions. */
export class LmdbQueues {
  readonly messages: LmdbMessages
  readonly #entries: Table<EntryRow>
  readonly #queues: RowCache<number, QueueRow>
  readonly #ended: Table<null>
  readonly #deadlines: LmdbDeadlines

  constructor(environment: LmdbEnvironment, messages: LmdbMessages, deadlines: LmdbDeadlines) {
    this.messages = messages
    this.#entries = environment.table('entries')
    this.#queues = environment.cached('queues', numberKey)
    this.#ended = environment.table('ended')
    this.#deadlines = deadlines
  }

  size({ number }: SessionRecord): Amount {
    const [messages, bytes] = this.#queues.get(number) ?? NOTHING_QUEUED
    return { messages, bytes }
  }

  /** The sent part of a queue, in messages and bytes. */
  sent({ number }: SessionRecord): Amount {
    const { sentMessages, sentBytes } = this.#stateOf(number)
    return { messages: sentMessages, bytes: sentBytes }
  }

  find({ number }: SessionRecord, ref: MessageRef): LmdbEntry | undefined {
    const message = this.messages.find(ref)
    return message === undefined ? undefined : this.entryAt(numberKey(number, message))
  }

  /** The entry with this key. */
  entryAt(key: Buffer): LmdbEntry | undefined {
    const row = this.#entries.get(key)
    return row && { session: numberIn(key, 0), message: numberIn(key, 1), row }
  }

  has({ number }: SessionRecord, message: number): boolean {
    return this.#entries.has(numberKey(number, message))
  }

  /** A page of entries in order, after a message. */
  page({ number }: SessionRecord, after: number): LmdbEntry[] {
    return this.#rows(number, after, numberKey(number + 1))
  }

  /** The same, up to the last entry that was sent. */
  pageOfSent({ number }: SessionRecord, after: number): LmdbEntry[] {
    const [, , sentUpTo] = this.#queues.get(number) ?? NOTHING_QUEUED
    return this.#rows(number, after, numberKey(number, sentUpTo + 1))
  }

  /** The entry that was sent with a packet id. Sent entries come first, so the search is short. */
  findByPacketId(session: SessionRecord, packetId: number): LmdbEntry | undefined {
    for (const entry of this.#entriesFrom(session.number, 0)) if (entry.row[0] === packetId) return entry
    return undefined
  }

  /** The entries that were not sent yet, oldest first. Nothing may be changed during the iteration. */
  *unsent({ number }: SessionRecord): Generator<LmdbEntry, void, undefined> {
    const state = this.#stateOf(number)
    let isFound = false
    for (const entry of this.#entriesFrom(number, state.unsentFrom)) {
      if (isSent(entry)) {
        if (!isFound) state.unsentFrom = entry.message + 1
        continue
      }
      if (!isFound) this.#setState(number, state)
      isFound = true
      yield entry
    }
    if (!isFound) this.#setState(number, state)
  }

  append({ number, clientId }: SessionRecord, message: Placed, delivery: QueueDelivery): void {
    const { qos, retain, subscriptionIdentifiers, share } = delivery
    const { place, bytes, expiry } = message
    const key = numberKey(number, place)
    const row: EntryRow = [null, qos, retain, bytes, expiry, subscriptionIdentifiers ?? null, share ?? null, null, null]
    const state = this.#stateOf(number)
    state.messages++
    state.bytes += bytes
    if (place < state.unsentFrom) state.unsentFrom = place
    this.#setState(number, state)
    this.#entries.put(key, row)
    this.#deadlines.add(DeadlineKind.queued, expiry ?? undefined, { owner: key, clientId })
  }

  markSent(entry: LmdbEntry, packetId: number): void {
    const [, ...rest] = entry.row
    this.#forgetExpiry(entry)
    if (!isSent(entry)) {
      const state = this.#stateOf(entry.session)
      countSent(state, entry)
      this.#setState(entry.session, state)
    }
    this.#entries.put(keyOf(entry), [packetId, ...rest])
  }

  /** Releases the content of the message. Its identity and its packet id stay. */
  markReleased(entry: LmdbEntry, { brokerId, brokerCounter }: MessageRef, packetId: number): void {
    if (releasedRef(entry.row) !== undefined) return
    const [, qos, retain, bytes, expiry, identifiers, share] = entry.row
    this.#forgetExpiry(entry)
    const state = this.#stateOf(entry.session)
    if (!isSent(entry)) countSent(state, entry)
    state.bytes -= bytes
    state.sentBytes -= bytes
    this.#setState(entry.session, state)
    this.#entries.put(keyOf(entry), [packetId, qos, retain, 0, expiry, identifiers, share, brokerId, brokerCounter])
    this.messages.release(entry.message, bytes)
  }

  /** Removes an entry. @param ref the identity of the message, if known */
  remove(entry: LmdbEntry, ref?: MessageRef): void {
    const released = releasedRef(entry.row)
    this.#forgetExpiry(entry)
    const state = this.#stateOf(entry.session)
    state.messages--
    state.bytes -= bytesOf(entry)
    if (isSent(entry)) {
      state.sentMessages--
      state.sentBytes -= bytesOf(entry)
    }
    this.#setState(entry.session, state)
    this.#entries.delete(keyOf(entry))
    this.messages.leave(entry.message, bytesOf(entry), released === undefined ? 'held' : 'released', released ?? ref)
  }

  /**
   * Empties the queue of an ended session: up to `limit` entries at once, the rest by `cleanUp`.
   * @returns how many entries were removed
   */
  end(session: SessionRecord, limit: number): number {
    this.#ended.put(numberKey(session.number), null)
    return limit > 0 ? this.#empty(session.number, limit) : 0
  }

  /** Removes up to `limit` entries of ended sessions. @returns whether more are left */
  cleanUp(limit: number): boolean {
    const [row] = this.#ended.rows({ limit: 1 })
    if (row !== undefined) this.#empty(numberIn(row.key, 0), limit)
    return this.hasEnded
  }

  /** Whether entries of ended sessions are left. */
  get hasEnded(): boolean {
    return this.#ended.rows({ limit: 1 }).length > 0
  }

  /** Removes an expired entry. @returns its message, if its session still exists */
  expire(key: Buffer): Message | undefined {
    const entry = this.entryAt(key)
    if (entry === undefined) return undefined
    const message = this.messages.get(entry.message)
    this.remove(entry, message)
    return this.#ended.has(numberKey(entry.session)) ? undefined : message
  }

  /** An entry in the form of the contract, or undefined if it was removed meanwhile. */
  queuedMessage(clientId: string, entry: LmdbEntry): QueuedMessage | undefined {
    const message = releasedRef(entry.row) === undefined ? this.messages.get(entry.message) : undefined
    return queuedMessageOf(clientId, entry.row, message)
  }

  #rows(session: number, after: number, end: Buffer): LmdbEntry[] {
    return this.#entries
      .rows({ start: numberKey(session, after + 1), end, limit: PAGE })
      .map(({ key, value }) => ({ session, message: numberIn(key, 1), row: value }))
  }

  #empty(session: number, limit: number): number {
    const rows = this.#entries.rows({ start: numberKey(session, 0), end: numberKey(session + 1), limit })
    for (const { key, value } of rows) this.remove({ session, message: numberIn(key, 1), row: value })
    if (rows.length === limit) return limit
    this.#queues.delete(session)
    this.#ended.delete(numberKey(session))
    return rows.length
  }

  *#entriesFrom(session: number, message: number): Generator<LmdbEntry, void, undefined> {
    const end = numberKey(session + 1)
    for (let from = message; ; ) {
      const page = this.#rows(session, from - 1, end)
      yield* page
      if (page.length < PAGE) return
      from = page.at(-1)!.message + 1
    }
  }

  #stateOf(session: number): QueueState {
    const row = this.#queues.get(session) ?? NOTHING_QUEUED
    const [messages, bytes, sentUpTo, sentMessages, sentBytes, unsentFrom] = row
    return { messages, bytes, sentUpTo, sentMessages, sentBytes, unsentFrom }
  }

  #setState(session: number, state: QueueState): void {
    const { messages, bytes, sentUpTo, sentMessages, sentBytes, unsentFrom } = state
    this.#queues.put(session, [messages, bytes, sentUpTo, sentMessages, sentBytes, unsentFrom])
  }

  /** A message that was sent does not expire: its delivery has begun [MQTT-3.3.2-5]. */
  #forgetExpiry(entry: LmdbEntry): void {
    const [packetId, , , , expiry] = entry.row
    if (packetId === null && expiry !== null) this.#deadlines.remove(DeadlineKind.queued, expiry, keyOf(entry))
  }
}

function keyOf({ session, message }: LmdbEntry): Buffer {
  return numberKey(session, message)
}

/** Counts an entry as sent. */
function countSent(state: QueueState, entry: LmdbEntry): void {
  state.sentMessages++
  state.sentBytes += bytesOf(entry)
  if (state.sentUpTo < entry.message) state.sentUpTo = entry.message
}

function isSent({ row }: LmdbEntry): boolean {
  return row[0] !== null
}

function bytesOf({ row }: LmdbEntry): number {
  return row[3]
}

/** An entry in the form of the contract, or undefined if its message is missing. */
export function queuedMessageOf(
  clientId: string,
  row: EntryRow,
  message: Message | undefined,
): QueuedMessage | undefined {
  const [packetId, qos, retain, , , identifiers, share] = row
  const ref = releasedRef(row) ?? message
  if (ref === undefined) return undefined
  const delivery = {
    clientId,
    qos,
    retain,
    subscriptionIdentifiers: identifiers ?? undefined,
    share: share ?? undefined,
  }
  return { message, ref, delivery, packetId: packetId ?? undefined }
}

function releasedRef(row: EntryRow): MessageRef | undefined {
  const [, , , , , , , brokerId, brokerCounter] = row
  return brokerId === null || brokerCounter === null ? undefined : { brokerId, brokerCounter }
}
