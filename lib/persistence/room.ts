/**
 * Finds room for a message that some queues, or the store as a whole, are too full for: what old ones have to go, and
 * who does without the new one. Nothing goes in vain: an old message is dropped only where that lets the new one in.
 * Owns that choice, and carries out nothing; knows no store.
 */
import type { DroppedMessage, QueueLimits } from '../../types/persistence.js'

/** Old messages looked at so that the store has room: so many, and so many more for each queue. */
const LOOKED_AT = 100
const LOOKED_AT_PER_QUEUE = 10

/** Messages and their bytes. */
export interface Amount {
  messages: number
  bytes: number
}

/** A queue that is to get the message. */
export interface FullQueue<Entry> {
  readonly limits: QueueLimits
  readonly size: Amount
  /** What of it was sent, and cannot go. */
  readonly sent: Amount
  /** The others, oldest first. */
  unsent(): Iterator<Entry>
}

/** What an entry holds. */
export interface Held {
  /** The same for all entries that hold the same message. */
  readonly message: unknown
  readonly bytes: number
  /** How many queues hold it. */
  readonly holders: number
}

/** What a queue loses: one of its entries, or the message that comes. */
export interface Loss<Queue, Entry> {
  readonly queue: Queue
  readonly entry: Entry | undefined
  readonly reason: DroppedMessage['reason']
}

/** What is to be done. */
export interface Room<Queue, Entry> {
  /** The queues that take the message. */
  takers: readonly Queue[]
  losses: readonly Loss<Queue, Entry>[]
}

/** Whether a queue takes a message without losing anything. */
export function fits(size: Amount, limits: QueueLimits, bytes: number): boolean {
  return size.messages < limits.maxMessages && size.bytes + bytes <= limits.maxBytes
}

/**
 * Finds room for a message.
 * @param bytes its own
 * @param missing how many of them all queues together have no room for; 0 or less where they have
 * @param heldBy what an entry of a queue holds
 */
export function findRoom<Entry, Queue extends FullQueue<Entry>>(
  queues: readonly Queue[],
  bytes: number,
  missing: number,
  heldBy: (entry: Entry) => Held,
): Room<Queue, Entry> {
  return new RoomSearch<Entry, Queue>(bytes, missing, heldBy).run(queues)
}

/** A queue with those of its entries that were not chosen yet. */
interface Place<Entry, Queue> {
  queue: Queue
  unsent: Iterator<Entry>
}

class RoomSearch<Entry, Queue extends FullQueue<Entry>> {
  readonly #bytes: number
  readonly #missing: number
  readonly #heldBy: (entry: Entry) => Held
  /** By message, how many queues would hold it still. */
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

  /** What a queue has to lose to take the message; undefined where it cannot. */
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

  /** What all of them have to lose besides, in turn; undefined where that does not help, or not soon enough. */
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
