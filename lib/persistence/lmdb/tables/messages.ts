/**
 * The messages that lie in queues of the LMDB store: each once, with how many queues still need it, found by its
 * identity. Owns the bytes of all queues together; knows no session. Its methods are called by changes of the writer.
 */
import type { Message } from '../../../../types/message.js'
import type { MessageRef } from '../../../../types/persistence.js'
import { type MessageRow, messageOf, numberKey, refIn, textKey } from '../engine/encoding.js'
import type { Counters, LmdbEnvironment } from '../engine/environment.js'
import type { Table } from '../engine/table.js'

/** In how many queues a message is, and in how many of those with its content. */
type HoldersRow = readonly [entries: number, holding: number]

/** Of a counter in a key: a double, as a counter may be any positive number. */
const COUNTER_BYTES = 8

/** Queued messages by number; numbers rise in the order of queueing. */
export class LmdbMessages {
  readonly #messages: Table<MessageRow>
  /** Of messages that are in one queue only there is no row. */
  readonly #holders: Table<HoldersRow>
  readonly #refs: Table<number>
  readonly #counters: Counters
  /** No message that is here has a greater counter of its broker's: those that have are known to be new. */
  #greatestCounter: number

  constructor(environment: LmdbEnvironment) {
    this.#messages = environment.table('messages')
    this.#holders = environment.table('holders')
    this.#refs = environment.table('refs')
    this.#counters = environment.counters
    this.#greatestCounter = counterIn(this.#refs.lastKey())
  }

  /** The number of a message that is in a queue. */
  find(ref: MessageRef): number | undefined {
    return ref.brokerCounter > this.#greatestCounter ? undefined : this.#refs.get(refKey(ref))
  }

  get(number: number): Message | undefined {
    const row = this.#messages.get(numberKey(number))
    return row && messageOf(row)
  }

  /** Whether its content is there. */
  isKept(number: number): boolean {
    return this.#messages.has(numberKey(number))
  }

  /** How many queues hold its content, of which one does. */
  holdersOf(number: number): number {
    const [, holding] = this.#holdersOf(number, 'held')
    return holding
  }

  /** The number of the next message that has none yet. */
  get nextNumber(): number {
    return this.#counters.nextMessage
  }

  /** Keeps the content. */
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

  /** Queues were given a message. @param before what there was of it: nothing, its content, or only entries */
  joined(number: number, queues: number, before: 'nothing' | 'held' | 'released'): void {
    const [entries, holding] = before === 'nothing' ? [0, 0] : this.#holdersOf(number, before)
    if (entries + queues > 1) this.#holders.put(numberKey(number), [entries + queues, holding + queues])
  }

  /** A queue needs the content no more, but keeps the entry. */
  release(number: number, bytes: number): void {
    const [entries, holding] = this.#holdersOf(number, 'held')
    if (holding === 1) this.#discard(number, bytes)
    if (entries > 1) this.#holders.put(numberKey(number), [entries, holding - 1])
  }

  /**
   * A queue has it no more.
   * @param state whether the queue had let go of the content before
   * @param ref its identity, where the caller knows it
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

/** The identifier of the broker whose message came last, and its part of the key: nearly always that of the next one. */
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
