/**
 * The messages that a bus of the host has brought, or is to bring. The bus may bring a message late, as a copy, and once
 * for each filter. Owns the memory that finds duplicates and the broker's own messages; must not know who gets them.
 *
 * A message is known by its broker and its number there. It is remembered for 15 to 30 seconds, whether it comes or not.
 * A message that comes later than that is in the queues already, and stored sessions get it from there only.
 */
import type { BusMessage } from '../../../../types/bus.js'
import type { MessageRef } from '../../../../types/persistence.js'
import type { PublishMessage } from '../../../codec/publish-message.js'
import { adopt, refKey } from '../../../model/message.js'
import { adoptRecord, ensureRecord, RoutingRecord } from '../../../model/routing-record.js'
import { Recent } from '../../../util/collections/recent.js'
import type { Timers } from '../../../util/scheduling/timers.js'

/** A bus that takes longer is as good as down; a longer memory costs more than it helps. */
const BOUNDS = { periodMs: 15_000, capacity: 50_000 } as const

/** The record of one message. */
interface Entry {
  /** The record until the message is routed; then it is enough that the message came. */
  record: RoutingRecord | undefined
  hasCome: boolean
}

/** A message that came, and who gave it its number. */
export interface ReceivedMessage {
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

  /** How many messages are remembered. */
  get size(): number {
    return this.#entries.size
  }

  /** One of the broker's own messages is about to go to the bus, and to come back. */
  expect(message: PublishMessage): void {
    this.#entries.set(refKey(message), { record: ensureRecord(message), hasCome: false })
  }

  /** The bus did not take the message. */
  abandon(message: PublishMessage): void {
    const key = refKey(message)
    if (this.#entries.get(key)?.hasCome === false) this.#entries.delete(key)
  }

  /** A client was sent the message from its queue: it gets no other copy. */
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

  /** @returns the message to route; undefined for a duplicate, and for what is not a message */
  take(carried: BusMessage): ReceivedMessage | undefined {
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

  /** A message of another broker is routed: from now on only duplicates have to be found. */
  routed(message: PublishMessage): void {
    const entry = this.#entries.get(refKey(message))
    if (entry !== undefined) entry.record = undefined
  }

  #takeOwn(key: string, entry: Entry | undefined, carried: BusMessage): ReceivedMessage | undefined {
    const message = entry?.record?.message ?? forgotten(carried)
    this.#entries.set(key, { record: undefined, hasCome: true })
    return message && { message, origin: 'this broker' }
  }

  #takeUnnumbered(carried: BusMessage): ReceivedMessage | undefined {
    if (this.#unnumbered.has(carried)) return undefined
    this.#unnumbered.add(carried)
    const message = adopt(carried)
    return message && { message, origin: 'application' }
  }
}

/** One of the broker's own messages that is not remembered: stored sessions have it in their queues, or do not get it. */
function forgotten(carried: BusMessage): PublishMessage | undefined {
  const message = adopt(carried)
  if (message !== undefined) ensureRecord(message).compareQueues()
  return message
}
