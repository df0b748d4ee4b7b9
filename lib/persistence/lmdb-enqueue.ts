/**
 * Adds a message to queues of the LMDB store: limits, and what happens at them.
 * Owns what a full queue or a full store does to messages; called by changes of the writer.
 */
import type { Message } from '../../types/message.js'
import type { DroppedMessage, QueueDelivery, QueueLimits, QueuePolicy } from '../../types/persistence.js'
import { AnaxError } from '../errors.js'
import type { Counters } from './lmdb-environment.js'
import type { LmdbQueues, QueueSize } from './lmdb-queues.js'
import type { LmdbSessions, SessionRecord } from './lmdb-sessions.js'
import type { LmdbWriter } from './lmdb-writer.js'
import { payloadBytes } from './stored-message.js'

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
  readonly #message: Message
  readonly #policy: QueuePolicy
  readonly #bytes: number
  /** Its place in the order. One that comes again, for other queues, has it already. */
  readonly #number: number
  #isKept: boolean
  #dropped: DroppedMessage[] | undefined

  constructor(parts: EnqueueParts, message: Message, policy: QueuePolicy) {
    this.#parts = parts
    this.#message = message
    this.#policy = policy
    this.#bytes = payloadBytes(message)
    const { messages } = parts.queues
    this.#number = messages.numberOf(message)
    this.#isKept = messages.isKept(this.#number)
  }

  /**
   * Appends it to the queues of the sessions that there are.
   * @throws AnaxError where a session's policy is `reject` and its queue, or the store, is full; then no queue has it
   */
  enqueue(deliveries: readonly QueueDelivery[]): DroppedMessage[] | undefined {
    const { messages } = this.#parts.queues
    const known = messages.find(this.#message) !== undefined
    const before = known ? (this.#isKept ? 'held' : 'released') : 'nothing'
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
      if (session === undefined || this.#parts.queues.has(session, this.#number)) continue
      takers.set(delivery.clientId, [delivery, session])
    }
    return [...takers.values()]
  }

  #refuseIfFull(session: SessionRecord): void {
    const limits = this.#policy.limitsOf(session.clientId)
    if (limits.overflow !== 'reject') return
    if (this.#fits(this.#parts.queues.size(session), limits) && this.#fitsTotal()) return
    const detail = `the queue of '${session.clientId}' takes no more`
    this.#parts.writer.refuse(this.#message, new AnaxError('ANAX_ERR_QUOTA', { detail }))
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
        message: oldest ?? this.#message,
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
    if (!this.#isKept) queues.messages.keep(this.#number, this.#message)
    this.#isKept = true
    queues.append(session, this.#number, this.#message, delivery)
    return 1
  }

  #fits({ messages, bytes }: QueueSize, limits: QueueLimits): boolean {
    return messages < limits.maxMessages && bytes + this.#bytes <= limits.maxBytes
  }

  #fitsTotal(): boolean {
    return this.#parts.counters.queuedBytes + this.#bytes <= this.#policy.maxTotalBytes
  }
}
