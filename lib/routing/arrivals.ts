/**
 * What a bus of the host brings: late, perhaps as copies, once or once for each filter. Owns the memory that tells
 * which of these is a message to route, and knows the broker's own again. Must not know who gets it.
 *
 * A message is known by the broker that published it and by its number there. It is remembered for a while, whether or
 * not it ever comes: what comes later than that still finds each copy in its queue, and is not sent beside it.
 */
import type { BusMessage } from '../../types/bus.js'
import type { MessageRef } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { adopt, refKey } from '../model/message.js'
import { Recent } from '../util/recent.js'
import type { Timers } from '../util/timers.js'

/** A bus that takes longer is as good as down; a memory that lasts longer costs more than it is good for. */
const BOUNDS = { periodMs: 15_000, capacity: 50_000 } as const

/** What is remembered of one message. */
interface Passage {
  /** The broker's own until it comes back; another's until it is routed. */
  message: PublishMessage | undefined
  hasCome: boolean
  /** Sessions that had it from their queue before it came. */
  had: Set<string> | undefined
}

/** Something that came, and who gave it its number: this broker, another one, or nobody yet. */
export interface Arrival {
  message: PublishMessage
  from: 'here' | 'elsewhere' | 'nobody'
}

export class Arrivals {
  readonly #brokerId: string
  readonly #passages: Recent<Passage>
  /** Messages without a number, which the application put on the bus itself. */
  readonly #unnumbered = new WeakSet<object>()

  constructor(brokerId: string, timers: Timers) {
    this.#brokerId = brokerId
    this.#passages = new Recent(timers, BOUNDS)
  }

  /** How many messages are remembered. */
  get size(): number {
    return this.#passages.size
  }

  /** The broker's own message goes out, and somebody here wants it. */
  expect(message: PublishMessage): void {
    this.#passages.set(refKey(message), { message, hasCome: false, had: undefined })
  }

  /** The bus did not take it. */
  giveUp(message: PublishMessage): void {
    const key = refKey(message)
    if (this.#passages.get(key)?.hasCome === false) this.#passages.delete(key)
  }

  /** A session has it from its queue: what comes is not for that session any more. */
  sentFromQueue(ref: MessageRef, clientId: string): void {
    const key = refKey(ref)
    const passage = this.#passages.get(key)
    if (passage?.message !== undefined) withhold(passage.message, clientId)
    else if (passage !== undefined) passage.had?.add(clientId)
    else if (ref.brokerId !== this.#brokerId) {
      this.#passages.set(key, { message: undefined, hasCome: false, had: new Set([clientId]) })
    }
  }

  /** @returns what to route; undefined for what came before, and for what is no message */
  take(carried: BusMessage): Arrival | undefined {
    const { brokerId, brokerCounter } = carried as Partial<MessageRef>
    if (!brokerId || !brokerCounter) return this.#takeUnnumbered(carried)
    const key = refKey({ brokerId, brokerCounter })
    const passage = this.#passages.get(key)
    if (passage?.hasCome) return undefined
    if (brokerId === this.#brokerId) return this.#takeOwn(key, passage, carried)
    const message = adopt(carried)
    if (message === undefined) return undefined
    message.withheldFrom = passage?.had
    this.#passages.set(key, { message, hasCome: true, had: undefined })
    return { message, from: 'elsewhere' }
  }

  /** A message of another broker was routed: that it came is all that has to be remembered. */
  routed(message: PublishMessage): void {
    const passage = this.#passages.get(refKey(message))
    if (passage !== undefined) passage.message = undefined
  }

  #takeOwn(key: string, passage: Passage | undefined, carried: BusMessage): Arrival | undefined {
    const message = passage?.message ?? forgotten(carried)
    this.#passages.set(key, { message: undefined, hasCome: true, had: undefined })
    return message && { message, from: 'here' }
  }

  #takeUnnumbered(carried: BusMessage): Arrival | undefined {
    if (this.#unnumbered.has(carried)) return undefined
    this.#unnumbered.add(carried)
    const message = adopt(carried)
    return message && { message, from: 'nobody' }
  }
}

/** Gives a session no live copy. */
export function withhold(message: PublishMessage, clientId: string): void {
  message.withheldFrom ??= new Set()
  message.withheldFrom.add(clientId)
}

/** A message of this broker that is not remembered: as for one that was stored for nobody, the queues have the say. */
function forgotten(carried: BusMessage): PublishMessage | undefined {
  const message = adopt(carried)
  if (message !== undefined) message.queuedFor = new Map()
  return message
}
