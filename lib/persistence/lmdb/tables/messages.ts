/**
 * The queued messages of the LMDB store: each is stored once, with the number of queues that need it, and found by its
 * identity. Owns the bytes of all queues together. Knows no session. Methods that write must be called inside a change
 * of the writer.
 */
import type { Message } from '../../../../types/message/message.js'
import type { MessageRef } from '../../../../types/persistence.js'
import { type MessageRow, messageOf, numberKey, refIn, textKey } from '../engine/encoding.js'
import type { Counters, LmdbEnvironment } from '../engine/environment.js'
import type { Table } from '../engine/table.js'

/** The number of queues that have an entry for a message, and of those that still need its content. */
type HoldersRow = readonly [entries: number, holding: number]

/** Length of a counter in a key. It is a double, because a counter may be any positive number. */
const COUNTER_BYTES = 8

/** Queued messages by number. Numbers increase in the order of queueing. */
export class LmdbMessages {
  readonly #messages: Table<MessageRow>
  /** Messages in a single queue have no row. */
  readonly #holders: Table<HoldersRow>
  readonly #refs: Table<number>
  readonly #counters: Counters
  /** The greatest counter of any message here. A message with a greater one is certainly new. */
  #greatestCounter: number

  constructor(environment: LmdbEnvironment) {
    this.#messages = environment.table('messages')
    this.#holders = environment.table('holders')
    this.#refs = environment.table('refs')
    this.#counters = environment.counters
    this.#greatestCounter = counterIn(this.#refs.lastKey())
  }

  /** The number of messages. */
  get size(): number {
    return this.#messages.size
  }

  /** The number of a message that is in a queue. */
  find(ref: MessageRef): number | undefined {
    return ref.brokerCounter > this.#greatestCounter ? undefined : this.#refs.get(refKey(ref))
  }

  get(number: number): Message | undefined {
    const row = this.#messages.get(numberKey(number))
    return row && messageOf(row)
  }

  /** Whether the content of a message is stored. */
  isKept(number: number): boolean {
    return this.#messages.has(numberKey(number))
  }

  /** The number of queues that need the content of a message. At least one must. */
  holdersOf(number: number): number {
    const [, holding] = this.#holdersOf(number, 'held')
    return holding
  }

  /** The number for the next new message. */
  get nextNumber(): number {
    return this.#counters.nextMessage
  }

  /** Stores the content of a message. */
  keep(number: number, row: MessageRow, bytes: number): void {
    if (number === this.#counters.nextMessage) {
      this.#counters.nextMessage++
      const ref = refIn(row)
      this.#refs.put(refKey(ref), number)
      this.#greatestCounter = Math.max(this.#greatestCounter, ref.brokerCounter)
    }
    this.#messages.put(numberKey(number), row)
    this.#counters.queuedBytes += bytes
  }

  /** Notes that queues received a message. @param before the earlier state of the message */
  joined(number: number, queues: number, before: 'nothing' | 'held' | 'released'): void {
    const [entries, holding] = before === 'nothing' ? [0, 0] : this.#holdersOf(number, before)
    if (entries + queues > 1) this.#holders.put(numberKey(number), [entries + queues, holding + queues])
  }

  /** Notes that a queue no longer needs the content, but keeps the entry. */
  release(number: number, bytes: number): void {
    const [entries, holding] = this.#holdersOf(number, 'held')
    if (holding === 1) this.#discard(number, bytes)
    if (entries > 1) this.#holders.put(numberKey(number), [entries, holding - 1])
  }

  /**
   * Notes that a queue no longer has a message.
   * @param state `released` if the queue had released the content before
   * @param ref the identity of the message, if known
   */
  leave(number: number, bytes: number, state: 'held' | 'released', ref?: MessageRef): void {
    const shared = this.#holders.get(numberKey(number))
    const [entries, holding] = shared ?? [1, state === 'held' ? 1 : 0]
    const identity = entries > 1 ? undefined : (ref ?? this.get(number))
    if (identity !== undefined) this.#refs.delete(refKey(identity))
    if (state === 'held' && holding === 1) this.#discard(number, bytes)
    const held = state === 'held' ? holding - 1 : holding
    if (entries > 2) this.#holders.put(numberKey(number), [entries - 1, held])
    else if (shared !== undefined) this.#holders.delete(numberKey(number))
  }

  #discard(number: number, bytes: number): void {
    this.#messages.delete(numberKey(number))
    this.#counters.queuedBytes -= bytes
  }

  #holdersOf(number: number, state: 'held' | 'released'): HoldersRow {
    return this.#holders.get(numberKey(number)) ?? [1, state === 'held' ? 1 : 0]
  }
}

/** The broker id of the latest message with its key, as a cache: the next message nearly always has the same one. */
let latestBroker = { brokerId: '', key: textKey('') }

/** Sorts by counter. */
function refKey({ brokerId, brokerCounter }: MessageRef): Buffer {
  if (brokerId !== latestBroker.brokerId) latestBroker = { brokerId, key: textKey(brokerId) }
  const key = Buffer.allocUnsafe(COUNTER_BYTES + latestBroker.key.length)
  key.writeDoubleBE(brokerCounter)
  key.set(latestBroker.key, COUNTER_BYTES)
  return key
}

function counterIn(key: Buffer | undefined): number {
  return key === undefined ? Number.NEGATIVE_INFINITY : key.readDoubleBE()
}
