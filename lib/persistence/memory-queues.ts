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

/** Adds to, changes and empties queues, keeping the sums. */
export class MemoryQueues {
  readonly #queueOf: (clientId: string) => SessionQueue | undefined
  readonly #payloads = new PayloadKeeper()
  // What was sent is past expiring: delivery has begun [MQTT-3.3.2-5]
  readonly #expiries = new Deadlines<QueueEntry>(entry =>
    entry.isRemoved || entry.packetId !== undefined ? undefined : entry.message?.messageExpiry,
  )
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
    if (entry.packetId === undefined && entry.message?.messageExpiry !== undefined) this.#expiries.noteOutdated()
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

  /** Empties a queue whose session has ended. */
  clear(queue: SessionQueue): void {
    for (const entry of queue.entries()) this.remove(entry)
  }

  /** Takes out the next message whose time is over. */
  takeExpired(now: number): DroppedMessage | undefined {
    const entry = this.#expiries.take(now)
    if (entry?.message === undefined) return undefined
    const dropped: DroppedMessage = { clientId: entry.delivery.clientId, message: entry.message, reason: 'expired' }
    this.remove(entry)
    return dropped
  }

  nextExpiry(): number | undefined {
    return this.#expiries.next()
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
    if (arrival.kept.messageExpiry !== undefined) this.#expiries.add(entry)
  }

  /** One queue less holds the message. */
  #letGo({ message, packetId }: QueueEntry): void {
    if (message === undefined) return
    message.release()
    if (!message.isHeld) this.#totalBytes -= payloadBytes(message)
    if (message.messageExpiry !== undefined && packetId === undefined) this.#expiries.noteOutdated()
  }
}

function fits(queue: SessionQueue, limits: QueueLimits, bytes: number): boolean {
  return queue.length < limits.maxMessages && queue.bytes + bytes <= limits.maxBytes
}
