/**
 * The messages that a bus of the host has brought recently, or will bring. It may bring a message late, as a copy, and
 * once for each filter. Owns the detection of duplicates and of the broker's own messages; must not know who gets them.
 *
 * A message is identified by its broker and its number there. It is remembered for 15 to 30 seconds, whether it arrives
 * or not. A message that arrives later is in the queues already, and stored sessions get it from there only.
 */
import type { BusMessage } from '../../../../types/bus.js'
import type { MessageRef } from '../../../../types/persistence.js'
import type { PublishMessage } from '../../../codec/publish-message.js'
import { adopt, refKey } from '../../../model/message.js'
import { adoptRecord, ensureRecord, RoutingRecord } from '../../../model/routing-record.js'
import { Recent } from '../../../util/collections/recent.js'
import type { Timers } from '../../../util/scheduling/timers.js'

/** A bus that takes longer is practically down; remembering messages longer would cost more than it helps. */
const BOUNDS = { periodMs: 15_000, capacity: 50_000 } as const

/** The record of one message. */
interface Entry {
  /** The record until the message is routed; afterwards the entry only marks that it arrived. */
  record: RoutingRecord | undefined
  hasCome: boolean
}

/** A message that arrived, and whose number it has. */
export interface ArrivedMessage {
  message: PublishMessage
  origin: 'this broker' | 'another broker' | 'application'
}

export class RecentMessages {
  readonly #brokerId: string
  readonly #entries: Recent<Entry>
  /** Messages without a number, which the application itself put on the bus. */
  readonly #unnumbered = new WeakSet<object>()

  constructor(brokerId: string, timers: Timers) {
    this.#brokerId = brokerId
    this.#entries = new Recent(timers, BOUNDS)
  }

  /** The number of remembered messages. */
  get size(): number {
    return this.#entries.size
  }

  /** Notes one of the broker's own messages that is about to be published on the bus. */
  expect(message: PublishMessage): void {
    this.#entries.set(refKey(message), { record: ensureRecord(message), hasCome: false })
  }

  /** Forgets a message that could not be published on the bus. */
  abandon(message: PublishMessage): void {
    const key = refKey(message)
    if (this.#entries.get(key)?.hasCome === false) this.#entries.delete(key)
  }

  /** Notes that a client was sent the message from its queue: it gets no other copy. */
  sentFromQueue(ref: MessageRef, clientId: string): void {
    const key = refKey(ref)
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.record?.withhold(clientId)
    } else if (ref.brokerId !== this.#brokerId) {
      const record = new RoutingRecord(undefined)
      record.withhold(clientId)
      this.#entries.set(key, { record, hasCome: false })
    }
  }

  /** @returns the message to route; undefined for a duplicate, or for something that is not a message */
  take(carried: BusMessage): ArrivedMessage | undefined {
    const { brokerId, brokerCounter } = carried as Partial<MessageRef>
    if (!brokerId || !brokerCounter) return this.#takeUnnumbered(carried)
    const key = refKey({ brokerId, brokerCounter })
    const entry = this.#entries.get(key)
    if (entry?.hasCome) return undefined
    if (brokerId === this.#brokerId) return this.#takeOwn(key, entry, carried)
    const message = adopt(carried)
    if (message === undefined) return undefined
    if (entry?.record !== undefined) adoptRecord(message, entry.record)
    this.#entries.set(key, { record: ensureRecord(message), hasCome: true })
    return { message, origin: 'another broker' }
  }

  /** Notes that a message of another broker was routed: from now on only duplicates have to be found. */
  routed(message: PublishMessage): void {
    const entry = this.#entries.get(refKey(message))
    if (entry !== undefined) entry.record = undefined
  }

  #takeOwn(key: string, entry: Entry | undefined, carried: BusMessage): ArrivedMessage | undefined {
    const message = entry?.record?.message ?? forgotten(carried)
    this.#entries.set(key, { record: undefined, hasCome: true })
    return message && { message, origin: 'this broker' }
  }

  #takeUnnumbered(carried: BusMessage): ArrivedMessage | undefined {
    if (this.#unnumbered.has(carried)) return undefined
    this.#unnumbered.add(carried)
    const message = adopt(carried)
    return message && { message, origin: 'application' }
  }
}

/** One of the broker's own messages that is no longer remembered: stored sessions get it from their queues only. */
function forgotten(carried: BusMessage): PublishMessage | undefined {
  const message = adopt(carried)
  if (message !== undefined) ensureRecord(message).compareQueues()
  return message
}
