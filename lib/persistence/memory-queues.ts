/**
 * The queues of all sessions in memory: limits and what happens at them, the bytes in all queues together, and
 * expiry. Owns what concerns more than one queue; which session has which queue, its caller knows.
 */
import type { Message } from '../../types/message.js'
import type { DroppedMessage, MessageRef, QueueDelivery, QueueLimits, QueuePolicy } from '../../types/persistence.js'
import { AnaxError } from '../errors.js'
import { Deadlines } from './deadlines.js'
import type { QueueEntry, SessionQueue } from './session-queue.js'
import { PayloadKeeper, payloadBytes, StoredMessage } from './stored-message.js'

/** A message that is being queued. */
interface Arrival {
  message: Message
  /** The one copy that all queues share, made when the first of them takes it. */
  kept: StoredMessage | undefined
  bytes: number
  maxTotalBytes: number
  dropped: DroppedMessage[] | undefined
}

/** Entries that are taken out in one go. */
const STEP = 100

/** Adds to, changes and empties queues, keeping the sums. */
export class MemoryQueues {
  readonly #queueOf: (clientId: string) => SessionQueue | undefined
  readonly #payloads = new PayloadKeeper()
  readonly #expiries = new Deadlines<QueueEntry>()
  /** Queues of sessions that have ended, with what is left of them. */
  readonly #ended = new Set<SessionQueue>()
  #totalBytes = 0

  constructor(queueOf: (clientId: string) => SessionQueue | undefined) {
    this.#queueOf = queueOf
  }

  /** Payload bytes in all queues together, each message counted once. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** Appends a message to the queues of the sessions that there are. */
  enqueue(message: Message, deliveries: readonly QueueDelivery[], policy: QueuePolicy): DroppedMessage[] | undefined {
    const bytes = payloadBytes(message)
    for (const { clientId } of deliveries) this.#refuseIfFull(clientId, message, bytes, policy)
    const { maxTotalBytes } = policy
    const arrival: Arrival = { message, kept: undefined, bytes, maxTotalBytes, dropped: undefined }
    for (const delivery of deliveries) {
      const queue = this.#queueOf(delivery.clientId)
      if (queue === undefined || queue.find(message) !== undefined) continue
      if (this.#makeRoom(queue, delivery.clientId, policy.limitsOf(delivery.clientId), arrival)) {
        this.#append(queue, delivery, arrival)
      }
    }
    return arrival.dropped
  }

  markSent(entry: QueueEntry, packetId: number): void {
    // What was sent is past expiring: delivery has begun [MQTT-3.3.2-5]
    this.#expiries.remove(entry.deadline)
    entry.queue.setPacketId(entry, packetId)
  }

  markReleased(entry: QueueEntry): void {
    this.#letGo(entry)
    entry.queue.release(entry)
  }

  remove(entry: QueueEntry): void {
    if (entry.isRemoved) return
    this.#letGo(entry)
    entry.queue.remove(entry)
  }

  /** Empties a queue whose session has ended: at once as far as a step goes, a long one while other things go on. */
  end(queue: SessionQueue): void {
    if (this.#empty(queue, STEP) < STEP) return
    this.#ended.add(queue)
    if (this.#ended.size === 1) setImmediate(this.#cleanUp)
  }

  /** Takes out the next message whose time is over. @returns what is lost, if there still is a session that loses it */
  takeExpired(now: number): { lost: DroppedMessage | undefined } | undefined {
    const entry = this.#expiries.take(now)
    if (entry?.message === undefined) return undefined
    const lost: DroppedMessage = { clientId: entry.delivery.clientId, message: entry.message, reason: 'expired' }
    this.remove(entry)
    return { lost: this.#ended.has(entry.queue) ? undefined : lost }
  }

  nextExpiry(): number | undefined {
    return this.#expiries.next()
  }

  readonly #cleanUp = (): void => {
    const [queue] = this.#ended
    if (queue !== undefined && this.#empty(queue, STEP) < STEP) this.#ended.delete(queue)
    if (this.#ended.size > 0) setImmediate(this.#cleanUp)
  }

  /** Takes out at most `limit` entries. @returns how many there were */
  #empty(queue: SessionQueue, limit: number): number {
    let removed = 0
    for (const entry of queue.entries()) {
      this.remove(entry)
      removed++
      if (removed === limit) break
    }
    return removed
  }

  /** @throws AnaxError where the session's policy is `reject` and its queue, or the store, is full */
  #refuseIfFull(clientId: string, ref: MessageRef, bytes: number, policy: QueuePolicy): void {
    const limits = policy.limitsOf(clientId)
    if (limits.overflow !== 'reject') return
    const queue = this.#queueOf(clientId)
    if (queue === undefined || queue.find(ref) !== undefined) return
    if (fits(queue, limits, bytes) && this.#totalBytes + bytes <= policy.maxTotalBytes) return
    throw new AnaxError('ANAX_ERR_QUOTA', { detail: `the queue of '${clientId}' takes no more` })
  }

  /** Drops what the policy says must go. @returns whether the message has its place */
  #makeRoom(queue: SessionQueue, clientId: string, limits: QueueLimits, arrival: Arrival): boolean {
    const mayDropOld = limits.overflow === 'drop-oldest' && arrival.bytes <= limits.maxBytes
    for (;;) {
      const isQueueFull = !fits(queue, limits, arrival.bytes)
      if (!isQueueFull && this.#fitsTotal(arrival)) return true
      const reason = isQueueFull ? 'queue-full' : 'store-full'
      const oldest = mayDropOld ? queue.firstUnsent() : undefined
      arrival.dropped ??= []
      arrival.dropped.push({ clientId, message: oldest?.message ?? arrival.message, reason })
      if (oldest === undefined) return false
      this.remove(oldest)
    }
  }

  #fitsTotal({ kept, bytes, maxTotalBytes }: Arrival): boolean {
    return kept !== undefined || this.#totalBytes + bytes <= maxTotalBytes
  }

  #append(queue: SessionQueue, delivery: QueueDelivery, arrival: Arrival): void {
    if (arrival.kept === undefined) {
      arrival.kept = new StoredMessage(arrival.message, this.#payloads)
      this.#totalBytes += arrival.bytes
    }
    arrival.kept.hold()
    const entry = queue.append(arrival.kept, delivery)
    const { messageExpiry } = arrival.kept
    if (messageExpiry !== undefined) entry.deadline = this.#expiries.add(entry, messageExpiry)
  }

  /** One queue less holds the message. */
  #letGo({ message, deadline }: QueueEntry): void {
    if (message === undefined) return
    message.release()
    if (!message.isHeld) this.#totalBytes -= payloadBytes(message)
    this.#expiries.remove(deadline)
  }
}

function fits(queue: SessionQueue, limits: QueueLimits, bytes: number): boolean {
  return queue.length < limits.maxMessages && queue.bytes + bytes <= limits.maxBytes
}
