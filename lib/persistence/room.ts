/**
 * Makes room for a message if some queues, or the store as a whole, are full: chooses the old messages to drop, and the
 * queues that do not get the new one. An old message is dropped only if that makes room for the new one.
 * Owns the choice, but does not carry it out; must not know a store.
 */
import type { DroppedMessage, QueueLimits } from '../../types/persistence.js'

/** Limits of the search for old messages: a base, and an addition for each queue. */
const LOOKED_AT = 100
const LOOKED_AT_PER_QUEUE = 10

/** Counts of messages and bytes. */
export interface Amount {
  messages: number
  bytes: number
}

/** A queue that should receive the message. */
export interface FullQueue<Entry> {
  readonly limits: QueueLimits
  readonly size: Amount
  /** The messages that were sent, which cannot be dropped. */
  readonly sent: Amount
  /** The others, oldest first. */
  unsent(): Iterator<Entry>
}

/** The message of an entry. */
export interface Held {
  /** A key that is the same for all entries with the same message. */
  readonly message: unknown
  readonly bytes: number
  /** The number of queues that contain it. */
  readonly holders: number
}

/** A loss of a queue: one of its entries, or the new message. */
export interface Loss<Queue, Entry> {
  readonly queue: Queue
  readonly entry: Entry | undefined
  readonly reason: DroppedMessage['reason']
}

/** The result. */
export interface Room<Queue, Entry> {
  /** The queues that receive the message. */
  takers: readonly Queue[]
  losses: readonly Loss<Queue, Entry>[]
}

/** Whether a queue has room for a message without dropping another. */
export function fits(size: Amount, limits: QueueLimits, bytes: number): boolean {
  return size.messages < limits.maxMessages && size.bytes + bytes <= limits.maxBytes
}

/**
 * Makes room for a message.
 * @param bytes size of the message
 * @param missing bytes that exceed the limit of all queues together; 0 or less if there is room
 * @param heldBy returns the message of an entry
 */
export function findRoom<Entry, Queue extends FullQueue<Entry>>(
  queues: readonly Queue[],
  bytes: number,
  missing: number,
  heldBy: (entry: Entry) => Held,
): Room<Queue, Entry> {
  return new RoomSearch<Entry, Queue>(bytes, missing, heldBy).run(queues)
}

/** A queue with the entries that were not chosen yet. */
interface Place<Entry, Queue> {
  queue: Queue
  unsent: Iterator<Entry>
}

class RoomSearch<Entry, Queue extends FullQueue<Entry>> {
  readonly #bytes: number
  readonly #missing: number
  readonly #heldBy: (entry: Entry) => Held
  /** For each message, the number of queues that would still contain it. */
  readonly #holders = new Map<unknown, number>()
  #freed = 0

  constructor(bytes: number, missing: number, heldBy: (entry: Entry) => Held) {
    this.#bytes = bytes
    this.#missing = missing
    this.#heldBy = heldBy
  }

  run(queues: readonly Queue[]): Room<Queue, Entry> {
    const takers: Queue[] = []
    const without: Loss<Queue, Entry>[] = []
    const chosen: Loss<Queue, Entry>[] = []
    const places: Place<Entry, Queue>[] = []
    for (const queue of queues) {
      const place = { queue, unsent: queue.unsent() }
      const own = this.#roomIn(place)
      if (own === undefined) {
        without.push({ queue, entry: undefined, reason: 'queue-full' })
        continue
      }
      chosen.push(...own)
      takers.push(queue)
      if (queue.limits.overflow === 'drop-oldest') places.push(place)
    }
    const forStore = this.#roomInStore(places)
    if (forStore !== undefined) return { takers, losses: [...without, ...chosen, ...forStore] }
    const alsoWithout = takers.map((queue): Loss<Queue, Entry> => ({ queue, entry: undefined, reason: 'store-full' }))
    return { takers: [], losses: [...without, ...alsoWithout] }
  }

  /** The entries that a queue has to drop to receive the message; undefined if that is impossible. */
  #roomIn(place: Place<Entry, Queue>): Loss<Queue, Entry>[] | undefined {
    const { limits, sent, size } = place.queue
    const left = { ...size }
    const losses: Loss<Queue, Entry>[] = []
    const mayDropOld = limits.overflow === 'drop-oldest' && fits(sent, limits, this.#bytes)
    while (!fits(left, limits, this.#bytes)) {
      const loss = mayDropOld ? this.#next(place, 'queue-full') : undefined
      if (loss?.entry === undefined) return undefined
      left.messages--
      left.bytes -= this.#heldBy(loss.entry).bytes
      losses.push(loss)
    }
    return losses
  }

  /** The further entries that the queues have to drop, in turn; undefined if that does not make enough room. */
  #roomInStore(places: readonly Place<Entry, Queue>[]): Loss<Queue, Entry>[] | undefined {
    const losses: Loss<Queue, Entry>[] = []
    const most = LOOKED_AT + LOOKED_AT_PER_QUEUE * places.length
    let waiting = places
    while (this.#freed < this.#missing) {
      if (waiting.length === 0 || losses.length >= most) return undefined
      waiting = waiting.filter(place => {
        if (this.#freed >= this.#missing) return true
        const loss = this.#next(place, 'store-full')
        if (loss !== undefined) losses.push(loss)
        return loss !== undefined
      })
    }
    return losses.filter(({ entry }) => this.#holders.get(this.#heldBy(entry!).message) === 0)
  }

  #next({ queue, unsent }: Place<Entry, Queue>, reason: DroppedMessage['reason']): Loss<Queue, Entry> | undefined {
    const { value: entry, done } = unsent.next()
    if (done === true) return undefined
    const { message, bytes, holders } = this.#heldBy(entry)
    const left = (this.#holders.get(message) ?? holders) - 1
    this.#holders.set(message, left)
    if (left === 0) this.#freed += bytes
    return { queue, entry, reason }
  }
}
