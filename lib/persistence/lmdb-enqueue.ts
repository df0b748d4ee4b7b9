/**
 * Adds a message to queues of the LMDB store: limits, and what happens at them.
 * Owns what a full queue or a full store does to messages; called by changes of the writer.
 */
import type { Message } from '../../types/message.js'
import type { DroppedMessage, QueueDelivery, QueueLimits, QueuePolicy } from '../../types/persistence.js'
import { AnaxError } from '../errors.js'
import { bytesIn, type MessageRow, messageOf, refIn } from './lmdb-encoding.js'
import type { Counters } from './lmdb-environment.js'
import type { LmdbQueues, QueueSize } from './lmdb-queues.js'
import type { LmdbSessions, SessionRecord } from './lmdb-sessions.js'
import type { LmdbWriter } from './lmdb-writer.js'

/** What it takes to queue a message. */
export interface EnqueueParts {
  sessions: LmdbSessions
  queues: LmdbQueues
  counters: Counters
  writer: LmdbWriter
}

/** A message that is being queued. */
export class Arrival {
  readonly #parts: EnqueueParts
  readonly #row: MessageRow
  readonly #policy: QueuePolicy
  readonly #bytes: number
  readonly #isKnown: boolean
  /** Its place in the order. One that comes again, for other queues, has it already. */
  readonly #number: number
  #isKept: boolean
  #dropped: DroppedMessage[] | undefined

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
   * Appends it to the queues of the sessions that there are.
   * @throws AnaxError where a session's policy is `reject` and its queue, or the store, is full; then no queue has it
   */
  enqueue(deliveries: readonly QueueDelivery[]): DroppedMessage[] | undefined {
    const { messages } = this.#parts.queues
    const before = this.#isKnown ? (this.#isKept ? 'held' : 'released') : 'nothing'
    const takers = this.#takersAmong(deliveries)
    for (const [, session] of takers) this.#refuseIfFull(session)
    let queues = 0
    for (const [delivery, session] of takers) {
      if (this.#makeRoom(session)) queues += this.#append(session, delivery)
    }
    if (queues > 0) messages.joined(this.#number, queues, before)
    return this.#dropped
  }

  /** Sessions that there are, each once, whose queues do not have it yet. */
  #takersAmong(deliveries: readonly QueueDelivery[]): [QueueDelivery, SessionRecord][] {
    const takers = new Map<string, [QueueDelivery, SessionRecord]>()
    for (const delivery of deliveries) {
      const session = takers.has(delivery.clientId) ? undefined : this.#parts.sessions.find(delivery.clientId)
      if (session === undefined || (this.#isKnown && this.#parts.queues.has(session, this.#number))) continue
      takers.set(delivery.clientId, [delivery, session])
    }
    return [...takers.values()]
  }

  #refuseIfFull(session: SessionRecord): void {
    const limits = this.#policy.limitsOf(session.clientId)
    if (limits.overflow !== 'reject') return
    if (this.#fits(this.#parts.queues.size(session), limits) && this.#fitsTotal()) return
    const detail = `the queue of '${session.clientId}' takes no more`
    this.#parts.writer.refuse(refIn(this.#row), new AnaxError('ANAX_ERR_QUOTA', { detail }))
  }

  /** Drops what the policy says must go. @returns whether the message has its place */
  #makeRoom(session: SessionRecord): boolean {
    const { clientId } = session
    const limits = this.#policy.limitsOf(clientId)
    const mayDropOld = limits.overflow === 'drop-oldest' && this.#bytes <= limits.maxBytes
    for (;;) {
      const isQueueFull = !this.#fits(this.#parts.queues.size(session), limits)
      if (!isQueueFull && (this.#isKept || this.#fitsTotal())) return true
      const oldest = mayDropOld ? this.#dropOldest(session) : undefined
      this.#dropped ??= []
      this.#dropped.push({
        clientId,
        message: oldest ?? messageOf(this.#row),
        reason: isQueueFull ? 'queue-full' : 'store-full',
      })
      if (oldest === undefined) return false
    }
  }

  #dropOldest(session: SessionRecord): Message | undefined {
    const { queues } = this.#parts
    const oldest = queues.firstUnsent(session)
    if (oldest === undefined) return undefined
    const message = queues.messages.get(oldest.message)
    queues.remove(oldest, message)
    return message
  }

  #append(session: SessionRecord, delivery: QueueDelivery): number {
    const { queues } = this.#parts
    if (!this.#isKept) queues.messages.keep(this.#number, this.#row)
    this.#isKept = true
    queues.append(session, this.#number, this.#row, delivery)
    return 1
  }

  #fits({ messages, bytes }: QueueSize, limits: QueueLimits): boolean {
    return messages < limits.maxMessages && bytes + this.#bytes <= limits.maxBytes
  }

  #fitsTotal(): boolean {
    return this.#parts.counters.queuedBytes + this.#bytes <= this.#policy.maxTotalBytes
  }
}
