/**
 * The queue of one session in memory: an ordered linked list, with an index by message, and one by packet id if it is
 * used. Every operation takes constant time. Owns order and counts; must not know limits or expiry.
 */
import type { MessageRef, QueueDelivery, QueuedMessage } from '../../../types/persistence.js'
import type { Deadline } from '../deadlines.js'
import type { Amount } from '../room.js'
import { bytesOfStored, type StoredMessage } from '../stored-message.js'
import { type Numbered, NumberIndex } from './number-index.js'

/** An entry of a queue. */
export class QueueEntry implements QueuedMessage, Numbered<QueueEntry> {
  readonly queue: SessionQueue
  readonly delivery: QueueDelivery
  /** The message's number, relative to the first message of the queue. */
  readonly number: number
  chained: QueueEntry | undefined
  message: StoredMessage | undefined
  /** The message while it is stored, since it has the two fields. */
  ref: MessageRef
  packetId: number | undefined
  /** Its expiry deadline, until delivery begins. */
  deadline: Deadline<QueueEntry> | undefined
  /** Its position in the order, which remains valid after its removal. */
  readonly position: number
  previous: QueueEntry | undefined
  next: QueueEntry | undefined
  isRemoved = false

  constructor(queue: SessionQueue, position: number, number: number, message: StoredMessage, delivery: QueueDelivery) {
    this.queue = queue
    this.number = number
    this.position = position
    this.delivery = delivery
    this.message = message
    this.ref = message
  }
}

/** The entries of one session, oldest first. */
export class SessionQueue {
  /**
   * Identity of the first message. Messages of the same broker are indexed by their number relative to it, which stays
   * small and need not be boxed.
   */
  #home: MessageRef | undefined
  /** The highest number of a message of that broker. */
  #newest = 0
  readonly #atHome = new NumberIndex<QueueEntry>()
  /** Messages of other brokers, by broker and number. */
  #ofOthers: Map<string, QueueEntry> | undefined
  /** Created on first use: the broker does not use it. */
  #byPacketId: Map<number, QueueEntry> | undefined
  #first: QueueEntry | undefined
  #last: QueueEntry | undefined
  /** The first entry without a packet id; undefined if all have one. */
  #unsent: QueueEntry | undefined
  #appended = 0
  readonly #size: Amount = { messages: 0, bytes: 0 }
  readonly #sent: Amount = { messages: 0, bytes: 0 }

  /** Live counts of entries and bytes. */
  get size(): Readonly<Amount> {
    return this.#size
  }

  /** Live counts of the entries with a packet id. */
  get sent(): Readonly<Amount> {
    return this.#sent
  }

  find(ref: MessageRef): QueueEntry | undefined {
    const home = this.#home
    if (ref.brokerId !== home?.brokerId) return this.#ofOthers?.get(keyOf(ref))
    // nearly every message that is looked up on arrival is new
    return ref.brokerCounter > this.#newest ? undefined : this.#atHome.get(ref.brokerCounter - home.brokerCounter)
  }

  findByPacketId(packetId: number): QueueEntry | undefined {
    this.#byPacketId ??= this.#indexByPacketId()
    return this.#byPacketId.get(packetId)
  }

  append(message: StoredMessage, delivery: QueueDelivery): QueueEntry {
    const { brokerId, brokerCounter } = message
    this.#home ??= { brokerId, brokerCounter }
    const number = brokerCounter - this.#home.brokerCounter
    const previous = this.#last?.delivery
    // messages mostly match the same subscription as the previous one
    const own = previous !== undefined && isSame(previous, delivery) ? previous : delivery
    const entry = new QueueEntry(this, this.#appended++, number, message, own)
    entry.previous = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.next = entry
    this.#last = entry
    this.#unsent ??= entry
    if (brokerId === this.#home.brokerId) {
      this.#atHome.add(entry)
      if (brokerCounter > this.#newest) this.#newest = brokerCounter
    } else {
      this.#ofOthers ??= new Map()
      this.#ofOthers.set(keyOf(message), entry)
    }
    this.#size.messages++
    this.#size.bytes += bytesOfStored(message)
    return entry
  }

  /** Removes an entry. */
  remove(entry: QueueEntry): void {
    if (entry.previous === undefined) this.#first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.#last = entry.previous
    else entry.next.previous = entry.previous
    if (this.#unsent === entry) this.#unsent = entry.next
    if (entry.ref.brokerId === this.#home?.brokerId) this.#atHome.delete(entry.number)
    else this.#ofOthers?.delete(keyOf(entry.ref))
    this.#forgetPacketId(entry)
    const bytes = bytesOf(entry)
    this.#size.messages--
    this.#size.bytes -= bytes
    if (entry.packetId !== undefined) {
      this.#sent.messages--
      this.#sent.bytes -= bytes
    }
    entry.isRemoved = true
    // A reference to this entry must not keep its successors alive.
    entry.previous = undefined
    entry.next = undefined
  }

  setPacketId(entry: QueueEntry, packetId: number): void {
    this.#forgetPacketId(entry)
    if (entry.packetId === undefined) {
      this.#sent.messages++
      this.#sent.bytes += bytesOf(entry)
    }
    entry.packetId = packetId
    this.#byPacketId?.set(packetId, entry)
  }

  /** Releases the message, but keeps its identity and its packet id. */
  release(entry: QueueEntry): void {
    if (entry.message === undefined) return
    const bytes = bytesOf(entry)
    this.#size.bytes -= bytes
    if (entry.packetId !== undefined) this.#sent.bytes -= bytes
    entry.ref = { brokerId: entry.message.brokerId, brokerCounter: entry.message.brokerCounter }
    entry.message = undefined
  }

  /** The entries that were not sent yet, oldest first. The queue must not change during iteration. */
  *unsent(): Generator<QueueEntry, void, undefined> {
    while (this.#unsent?.packetId !== undefined) this.#unsent = this.#unsent.next
    for (let entry = this.#unsent; entry !== undefined; entry = entry.next) {
      if (entry.packetId === undefined) yield entry
    }
  }

  /** Iterates over the entries in order. The queue may change during iteration. */
  *entries(): Generator<QueueEntry, void, undefined> {
    let entry = this.#first
    while (entry !== undefined) {
      yield entry
      entry = entry.isRemoved ? this.#firstAfter(entry.position) : entry.next
    }
  }

  /** The entries with a packet id, in order. They are at or near the front. */
  inflight(): QueueEntry[] {
    const entries: QueueEntry[] = []
    for (let entry = this.#first; entry !== undefined && entries.length < this.#sent.messages; entry = entry.next) {
      if (entry.packetId !== undefined) entries.push(entry)
    }
    return entries
  }

  #firstAfter(position: number): QueueEntry | undefined {
    let entry = this.#first
    while (entry !== undefined && entry.position < position) entry = entry.next
    return entry
  }

  #forgetPacketId(entry: QueueEntry): void {
    const { packetId } = entry
    if (packetId !== undefined && this.#byPacketId?.get(packetId) === entry) this.#byPacketId.delete(packetId)
  }

  #indexByPacketId(): Map<number, QueueEntry> {
    const index = new Map<number, QueueEntry>()
    for (const entry of this.entries()) if (entry.packetId !== undefined) index.set(entry.packetId, entry)
    return index
  }
}

function bytesOf({ message }: QueueEntry): number {
  return message === undefined ? 0 : bytesOfStored(message)
}

function keyOf({ brokerId, brokerCounter }: MessageRef): string {
  return `${brokerCounter} ${brokerId}`
}

function isSame(one: QueueDelivery, other: QueueDelivery): boolean {
  return (
    one.clientId === other.clientId &&
    one.qos === other.qos &&
    one.retain === other.retain &&
    one.share === other.share &&
    one.subscriptionIdentifiers?.join() === other.subscriptionIdentifiers?.join()
  )
}
