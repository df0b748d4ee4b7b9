/**
 * The queues of all sessions in memory: limits and overflow policies, the total bytes, and expiry.
 * Owns what concerns more than one queue; the caller knows the queue of each session.
 */
import type { Message } from '../../../types/message/message.js'
import type { DroppedMessage, QueueDelivery, QueueLimits, QueuePolicy } from '../../../types/persistence.js'
import { messageBytes } from '../../codec/message-bytes.js'
import { AnaxError } from '../../errors.js'
import { setImmediate } from '../../util/scheduling/set-immediate.js'
import { Deadlines } from '../deadlines.js'
import { type FullQueue, findRoom, fits, type Held } from '../room.js'
import { bytesOfStored, hold, holdersOf, PayloadKeeper, release, StoredMessage } from '../stored-message.js'
import type { QueueEntry, SessionQueue } from './session-queue.js'

/** A queue that should receive a message. */
interface Taker extends FullQueue<QueueEntry> {
  readonly delivery: QueueDelivery
}

/** The queues that received a message, and what was dropped for it. */
interface Outcome {
  deliveries: readonly QueueDelivery[]
  dropped: DroppedMessage[] | undefined
}

/** Entries that are removed in one step. */
const STEP = 100

/** A message for this many queues may soon be queued for more of them. All share one copy. */
const MANY = 100

/** Maximum number of such messages that are remembered: those being queued at the same time. */
const MAX_WIDESPREAD = 8

/** Changes queues and keeps the totals. */
export class MemoryQueues {
  readonly #queueOf: (clientId: string) => SessionQueue | undefined
  readonly #maxMessages: number
  readonly #payloads = new PayloadKeeper()
  readonly #expiries = new Deadlines<QueueEntry>()
  /** Queues of ended sessions that are not empty yet. */
  readonly #ended = new Set<SessionQueue>()
  /** The latest messages for many queues. */
  readonly #widespread: StoredMessage[] = []
  #totalBytes = 0
  #totalMessages = 0

  /** @param maxMessages in all queues together, each counted once */
  constructor(queueOf: (clientId: string) => SessionQueue | undefined, maxMessages: number) {
    this.#queueOf = queueOf
    this.#maxMessages = maxMessages
  }

  /** Total bytes in all queues, each message counted once. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** Messages in all queues, each counted once. */
  get totalMessages(): number {
    return this.#totalMessages
  }

  /** Appends a message to the queues of those sessions that exist. */
  enqueue(message: Message, deliveries: readonly QueueDelivery[], policy: QueuePolicy): DroppedMessage[] | undefined {
    const bytes = messageBytes(message)
    const known = this.#widespreadCopy(message)
    const excess = this.#excessWith(known === undefined ? bytes : undefined, policy)
    if (this.#haveRoom(message, bytes, excess, deliveries, policy)) {
      this.#appendTo(message, deliveries, known)
      return undefined
    }
    const outcome = this.#makeRoom(message, bytes, excess, deliveries, policy)
    this.#appendTo(message, outcome.deliveries, known)
    return outcome.dropped
  }

  markSent(entry: QueueEntry, packetId: number): void {
    // A message that was sent does not expire: delivery has begun [MQTT-3.3.2-5]
    this.#expiries.remove(entry.deadline)
    entry.queue.setPacketId(entry, packetId)
  }

  markReleased(entry: QueueEntry, packetId: number): void {
    if (entry.message === undefined) return
    this.#letGo(entry)
    entry.queue.setPacketId(entry, packetId)
    entry.queue.release(entry)
  }

  remove(entry: QueueEntry): void {
    if (entry.isRemoved) return
    this.#letGo(entry)
    entry.queue.remove(entry)
  }

  /** Empties the queue of an ended session: a short one immediately, a long one in steps. */
  end(queue: SessionQueue): void {
    if (this.#empty(queue, STEP) < STEP) return
    this.#ended.add(queue)
    if (this.#ended.size === 1) setImmediate(this.#cleanUp)
  }

  /** Removes the next expired message. @returns the loss, if its session still exists */
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

  /** Removes at most `limit` entries. @returns the number of removed entries */
  #empty(queue: SessionQueue, limit: number): number {
    let removed = 0
    for (const entry of queue.entries()) {
      this.remove(entry)
      removed++
      if (removed === limit) break
    }
    return removed
  }

  /** The bytes to be dropped from all queues for a message. @param added undefined if it is in a queue already */
  #excessWith(added: number | undefined, policy: QueuePolicy): number {
    const excess = this.#totalBytes + (added ?? 0) - policy.maxTotalBytes
    return added === undefined || this.#totalMessages < this.#maxMessages ? excess : Math.max(excess, added, 1)
  }

  /**
   * Whether a message fits without dropping another.
   * @throws AnaxError if a session's policy is `reject` and its queue, or the store, is full
   */
  #haveRoom(
    message: Message,
    bytes: number,
    excess: number,
    deliveries: readonly QueueDelivery[],
    policy: QueuePolicy,
  ): boolean {
    const fitsTotal = excess <= 0
    let haveRoom = true
    for (const { clientId } of deliveries) {
      const queue = this.#queueOf(clientId)
      if (queue === undefined) continue
      const limits = policy.limitsOf(clientId)
      // most queues have room: whether they already have the message is checked once, when it is appended
      if ((fitsTotal && fits(queue.size, limits, bytes)) || queue.find(message) !== undefined) continue
      if (limits.overflow === 'reject') {
        throw new AnaxError('ANAX_ERR_QUOTA', { detail: `the queue of '${clientId}', or the store, is full` })
      }
      haveRoom = false
    }
    return haveRoom
  }

  /** Drops messages to make room for a new one. */
  #makeRoom(
    message: Message,
    bytes: number,
    excess: number,
    deliveries: readonly QueueDelivery[],
    policy: QueuePolicy,
  ): Outcome {
    const queues: Taker[] = []
    for (const delivery of deliveries) {
      const queue = this.#queueWithout(message, delivery.clientId)
      if (queue !== undefined) queues.push(takerOf(queue, delivery, policy.limitsOf(delivery.clientId)))
    }
    const { takers, losses } = findRoom(queues, bytes, excess, heldBy)
    const dropped = losses.map(({ queue, entry, reason }): DroppedMessage => {
      return { clientId: queue.delivery.clientId, message: entry?.message ?? message, reason }
    })
    for (const { entry } of losses) if (entry !== undefined) this.remove(entry)
    return { deliveries: takers.map(({ delivery }) => delivery), dropped }
  }

  #queueWithout(message: Message, clientId: string): SessionQueue | undefined {
    const queue = this.#queueOf(clientId)
    return queue?.find(message) === undefined ? queue : undefined
  }

  /** Appends the message to the queues. They share one copy, which the first queue creates. */
  #appendTo(message: Message, deliveries: readonly QueueDelivery[], known: StoredMessage | undefined): void {
    let kept = known
    for (const delivery of deliveries) {
      const queue = this.#queueWithout(message, delivery.clientId)
      if (queue === undefined) continue
      kept ??= this.#keep(message)
      hold(kept)
      const entry = queue.append(kept, delivery)
      const { messageExpiry } = kept
      if (messageExpiry !== undefined) entry.deadline = this.#expiries.add(entry, messageExpiry)
    }
    if (kept !== known && deliveries.length >= MANY) this.#noteWidespread(kept!)
  }

  /** The existing copy of a message for many queues. */
  #widespreadCopy({ brokerId, brokerCounter }: Message): StoredMessage | undefined {
    const widespread = this.#widespread
    for (let i = 0; i < widespread.length; i++) {
      const kept = widespread[i]!
      if (kept.brokerCounter === brokerCounter && kept.brokerId === brokerId) return kept
    }
    return undefined
  }

  #noteWidespread(kept: StoredMessage): void {
    this.#widespread.push(kept)
    if (this.#widespread.length > MAX_WIDESPREAD) this.#widespread.shift()
  }

  #keep(message: Message): StoredMessage {
    const kept = new StoredMessage(message, this.#payloads)
    this.#totalBytes += bytesOfStored(kept)
    this.#totalMessages++
    return kept
  }

  /** Removes the reference of one queue to a message. */
  #letGo({ message, deadline }: QueueEntry): void {
    if (message === undefined) return
    release(message)
    if (holdersOf(message) === 0) {
      this.#totalBytes -= bytesOfStored(message)
      this.#totalMessages--
      const index = this.#widespread.indexOf(message)
      if (index !== -1) this.#widespread.splice(index, 1)
    }
    this.#expiries.remove(deadline)
  }
}

function takerOf(queue: SessionQueue, delivery: QueueDelivery, limits: QueueLimits): Taker {
  return { delivery, limits, size: queue.size, sent: queue.sent, unsent: () => queue.unsent() }
}

function heldBy({ message }: QueueEntry): Held {
  return { message, bytes: bytesOfStored(message!), holders: holdersOf(message!) }
}
