/**
 * Adds a message to queues of the LMDB store, within their limits. Owns what happens to messages when a queue or the
 * store is full. Must be called inside a change of the writer.
 */
import type { DroppedMessage, QueueDelivery, QueuePolicy } from '../../../../types/persistence.js'
import { AnaxError } from '../../../errors.js'
import { type FullQueue, findRoom, fits, type Held } from '../../room.js'
import { bytesIn, expiryIn, type MessageRow, messageOf, refIn } from '../engine/encoding.js'
import type { Counters } from '../engine/environment.js'
import type { LmdbWriter } from '../engine/writer.js'
import type { LmdbEntry, LmdbQueues } from './queues.js'
import type { LmdbSessions, SessionRecord } from './sessions.js'

/** The parts that are needed to queue a message. */
export interface EnqueueParts {
  sessions: LmdbSessions
  queues: LmdbQueues
  counters: Counters
  writer: LmdbWriter
}

/** A session that gets the message. */
interface Taker {
  readonly session: SessionRecord
  readonly delivery: QueueDelivery
}

interface TakersQueue extends FullQueue<LmdbEntry> {
  readonly taker: Taker
}

/** A message that is being queued. */
export class QueueInsertion {
  readonly #parts: EnqueueParts
  readonly #row: MessageRow
  readonly #policy: QueuePolicy
  readonly #bytes: number
  readonly #isKnown: boolean
  /** Its place in the order. A message that is already in other queues keeps its place. */
  readonly #number: number
  #isKept: boolean

  constructor(parts: EnqueueParts, row: MessageRow, policy: QueuePolicy) {
    this.#parts = parts
    this.#row = row
    this.#policy = policy
    this.#bytes = bytesIn(row)
    const { messages } = parts.queues
    const known = messages.find(refIn(row))
    this.#isKnown = known !== undefined
    this.#number = known ?? messages.nextNumber
    this.#isKept = this.#isKnown && messages.isKept(this.#number)
  }

  /**
   * Appends it to the queues of those sessions that exist.
   * @throws AnaxError if a policy is `reject` and the queue or the store is full. Then it is in no queue.
   */
  enqueue(deliveries: readonly QueueDelivery[]): DroppedMessage[] | undefined {
    const { messages } = this.#parts.queues
    const before = this.#isKnown ? (this.#isKept ? 'held' : 'released') : 'nothing'
    const wanted = this.#takersAmong(deliveries)
    // All queues are checked first: a refusal must come before anything is written.
    const tight = wanted.filter(({ session }) => !this.#hasRoom(session))
    const { takers, dropped } = tight.length > 0 ? this.#makeRoom(wanted) : { takers: wanted, dropped: undefined }
    for (const { session, delivery } of takers) this.#append(session, delivery)
    if (takers.length > 0) messages.joined(this.#number, takers.length, before)
    return dropped
  }

  /** Existing sessions whose queues do not have it yet, each once. */
  #takersAmong(deliveries: readonly QueueDelivery[]): Taker[] {
    const takers = new Map<string, Taker>()
    for (const delivery of deliveries) {
      const session = takers.has(delivery.clientId) ? undefined : this.#parts.sessions.find(delivery.clientId)
      if (session === undefined || (this.#isKnown && this.#parts.queues.has(session, this.#number))) continue
      takers.set(delivery.clientId, { session, delivery })
    }
    return [...takers.values()]
  }

  /** @throws AnaxError if there is no room and the policy is `reject` */
  #hasRoom(session: SessionRecord): boolean {
    const limits = this.#policy.limitsOf(session.clientId)
    if (fits(this.#parts.queues.size(session), limits, this.#bytes) && this.#missing() <= 0) return true
    if (limits.overflow !== 'reject') return false
    const detail = `the queue of '${session.clientId}', or the store, is full`
    this.#parts.writer.refuse(refIn(this.#row), new AnaxError('ANAX_ERR_QUOTA', { detail }))
  }

  /** Drops messages according to the policies. */
  #makeRoom(wanted: readonly Taker[]): { takers: readonly Taker[]; dropped: DroppedMessage[] } {
    const { queues } = this.#parts
    const full = wanted.map(taker => this.#queueOf(taker))
    const { takers, losses } = findRoom(full, this.#bytes, this.#missing(), (entry: LmdbEntry) => this.#heldBy(entry))
    const dropped = losses.map(({ queue, entry, reason }): DroppedMessage => {
      const message = entry && queues.messages.get(entry.message)
      return { clientId: queue.taker.session.clientId, message: message ?? messageOf(this.#row), reason }
    })
    for (const { entry } of losses) if (entry !== undefined) queues.remove(entry)
    return { takers: takers.map(({ taker }) => taker), dropped }
  }

  #queueOf(taker: Taker): TakersQueue {
    const { session } = taker
    const { queues } = this.#parts
    const limits = this.#policy.limitsOf(session.clientId)
    return {
      taker,
      limits,
      size: queues.size(session),
      sent: queues.sent(session),
      unsent: () => queues.unsent(session),
    }
  }

  #heldBy({ message, row }: LmdbEntry): Held {
    return { message, bytes: row[3], holders: this.#parts.queues.messages.holdersOf(message) }
  }

  /** The number of bytes by which it exceeds the limit of the store. */
  #missing(): number {
    return this.#isKept ? 0 : this.#parts.counters.queuedBytes + this.#bytes - this.#policy.maxTotalBytes
  }

  #append(session: SessionRecord, delivery: QueueDelivery): void {
    const { queues } = this.#parts
    if (!this.#isKept) queues.messages.keep(this.#number, this.#row, this.#bytes)
    this.#isKept = true
    queues.append(session, { place: this.#number, bytes: this.#bytes, expiry: expiryIn(this.#row) }, delivery)
  }
}
