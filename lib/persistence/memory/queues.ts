/**
 * The queues of all sessions in memory: limits and what happens at them, the bytes in all queues together, and
 * expiry. Owns what concerns more than one queue; which session has which queue, its caller knows.
 */
import type { Message } from '../../../types/message.js'
import type { DroppedMessage, QueueDelivery, QueueLimits, QueuePolicy } from '../../../types/persistence.js'
import { messageBytes } from '../../codec/message-bytes.js'
import { AnaxError } from '../../errors.js'
import { Deadlines } from '../deadlines.js'
import { type FullQueue, findRoom, fits, type Held } from '../room.js'
import { bytesOfStored, hold, holdersOf, PayloadKeeper, release, StoredMessage } from '../stored-message.js'
import type { QueueEntry, SessionQueue } from './session-queue.js'

/** A queue that is to get a message. */
interface Taker extends FullQueue<QueueEntry> {
  readonly delivery: QueueDelivery
}

/** Who gets a message, and what was dropped for it. */
interface Outcome {
  deliveries: readonly QueueDelivery[]
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
  #totalMessages = 0

  constructor(queueOf: (clientId: string) => SessionQueue | undefined) {
    this.#queueOf = queueOf
  }

  /** Bytes in all queues together, each message counted once. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** Messages in all queues together, each counted once. */
  get totalMessages(): number {
    return this.#totalMessages
  }

  /** Appends a message to the queues of the sessions that there are. */
  enqueue(message: Message, deliveries: readonly QueueDelivery[], policy: QueuePolicy): DroppedMessage[] | undefined {
    const bytes = messageBytes(message)
    if (this.#haveRoom(message, bytes, deliveries, policy)) {
      this.#appendTo(message, deliveries)
      return undefined
    }
    const outcome = this.#makeRoom(message, bytes, deliveries, policy)
    this.#appendTo(message, outcome.deliveries)
    return outcome.dropped
  }

  markSent(entry: QueueEntry, packetId: number): void {
    // What was sent is past expiring: delivery has begun [MQTT-3.3.2-5]
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

  /**
   * Whether nothing has to go for a message.
   * @throws AnaxError where a session's policy is `reject` and its queue, or the store, is full
   */
  #haveRoom(message: Message, bytes: number, deliveries: readonly QueueDelivery[], policy: QueuePolicy): boolean {
    const fitsTotal = this.#totalBytes + bytes <= policy.maxTotalBytes
    let haveRoom = true
    for (const { clientId } of deliveries) {
      const queue = this.#queueOf(clientId)
      if (queue === undefined) continue
      const limits = policy.limitsOf(clientId)
      // most have room: whether they have the message already is looked up once, when it is appended
      if ((fitsTotal && fits(queue.size, limits, bytes)) || queue.find(message) !== undefined) continue
      if (limits.overflow === 'reject') {
        throw new AnaxError('ANAX_ERR_QUOTA', { detail: `the queue of '${clientId}' takes no more` })
      }
      haveRoom = false
    }
    return haveRoom
  }

  /** Drops what has to go for a message. */
  #makeRoom(message: Message, bytes: number, deliveries: readonly QueueDelivery[], policy: QueuePolicy): Outcome {
    const queues: Taker[] = []
    for (const delivery of deliveries) {
      const queue = this.#queueWithout(message, delivery.clientId)
      if (queue !== undefined) queues.push(takerOf(queue, delivery, policy.limitsOf(delivery.clientId)))
    }
    const { takers, losses } = findRoom(queues, bytes, this.#totalBytes + bytes - policy.maxTotalBytes, heldBy)
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

  /** All queues share one copy, made when the first of them takes it. */
  #appendTo(message: Message, deliveries: readonly QueueDelivery[]): void {
    let kept: StoredMessage | undefined
    for (const delivery of deliveries) {
      const queue = this.#queueWithout(message, delivery.clientId)
      if (queue === undefined) continue
      kept ??= this.#keep(message)
      hold(kept)
      const entry = queue.append(kept, delivery)
      const { messageExpiry } = kept
      if (messageExpiry !== undefined) entry.deadline = this.#expiries.add(entry, messageExpiry)
    }
  }

  #keep(message: Message): StoredMessage {
    const kept = new StoredMessage(message, this.#payloads)
    this.#totalBytes += bytesOfStored(kept)
    this.#totalMessages++
    return kept
  }

  /** One queue less holds the message. */
  #letGo({ message, deadline }: QueueEntry): void {
    if (message === undefined) return
    release(message)
    if (holdersOf(message) === 0) {
      this.#totalBytes -= bytesOfStored(message)
      this.#totalMessages--
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
