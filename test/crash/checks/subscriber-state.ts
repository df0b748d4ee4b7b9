/**
 * What a subscriber has to keep on disk in order to take each QoS 2 message exactly once, though it may be killed at
 * any moment:
 *
 * - The message and its packet id, in one entry, before PUBREC leaves. Written one after the other, a kill between
 *   them would lose the message or take it twice. The entry is the effect of the message: an application that cannot
 *   write both at once (into one database, say) needs a key in the message instead, as `examples/billing` has it.
 * - That the packet id is released, before PUBCOMP leaves. Otherwise the broker gives the packet id to another
 *   message, and that is taken for the one from before.
 * - That the subscription is acknowledged, and its client identifier.
 *
 * When the broker has no session for it, the packet ids mean nothing any more. A QoS 1 message needs only itself to be
 * on disk before PUBACK leaves; it may come again.
 */
import type { QoS } from '../../../types/message/packets.js'
import { Arrivals } from './arrivals.js'

/** An entry of a subscriber. */
export type SubscriberEntry =
  /** The broker had no session: a new one began. */
  | { event: 'session' }
  | { event: 'suback' }
  | { event: 'publish'; topic: string; number: number; qos: QoS; messageId?: number | undefined }
  | { event: 'pubrel'; messageId: number }

/** The state of a subscriber, from its entries. */
export class SubscriberState {
  readonly arrivals = new Map<string, Arrivals>()
  sessions = 0
  isSubscribed = false
  /** QoS 2 messages that arrived more than once. */
  doubled = 0
  /** QoS 1 messages that arrived more than once, which is allowed. */
  repeated = 0
  readonly #unreleased = new Set<number>()

  /** Whether a message with this packet id was accepted and is not released yet. */
  isTaken(messageId: number): boolean {
    return this.#unreleased.has(messageId)
  }

  apply(entry: SubscriberEntry): void {
    switch (entry.event) {
      case 'session':
        this.sessions++
        this.isSubscribed = false
        this.#unreleased.clear()
        break
      case 'suback':
        this.isSubscribed = true
        break
      case 'publish':
        this.#take(entry)
        break
      case 'pubrel':
        this.#unreleased.delete(entry.messageId)
        break
    }
  }

  #take({ topic, number, qos, messageId }: SubscriberEntry & { event: 'publish' }): void {
    if (qos === 2) this.#unreleased.add(messageId!)
    const arrivals = this.arrivals.get(topic) ?? new Arrivals()
    this.arrivals.set(topic, arrivals)
    if (arrivals.copies.has(number)) {
      if (qos === 2) this.doubled++
      else this.repeated++
    }
    arrivals.add(number)
  }
}
