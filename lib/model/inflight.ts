/**
 * QoS 1 and 2 messages that were sent to one client and are not finished: their packet ids and the quota.
 * Owns packet ids; does no I/O, and must not know the stream, the store or the queue behind it.
 *
 * Packet ids are given out in turn, so they lie close together: a small array finds each by its lowest bits,
 * and an id whose place is taken is passed over. That costs half of what a Map does, and nothing while idle.
 * Those of a resumed session lie anywhere: they are few, soon done, and in a Map.
 */
import type { Message } from '../../types/message.js'
import type { MessageRef } from '../../types/persistence.js'
import type { Delivery } from './delivery.js'

/** What the client has to send next. */
export type AwaitedAck = 'puback' | 'pubrec' | 'pubcomp'

/** A message on its way to the client. The delivery itself is not kept: it has the frames that were sent. */
export class Sent {
  packetId = 0
  ref: MessageRef
  /** As it was sent; undefined once released: PUBREC came. */
  message: Message | undefined
  /** The `$share/…` filter it came through, if it did. */
  readonly share: string | undefined
  awaits: AwaitedAck

  constructor(ref: MessageRef, delivery: Delivery | undefined) {
    this.ref = ref
    this.message = delivery?.message
    this.share = delivery?.share
    this.awaits = delivery === undefined ? 'pubcomp' : delivery.qos === 1 ? 'puback' : 'pubrec'
  }
}

const LARGEST_PACKET_ID = 65_535
const FIRST_CAPACITY = 16
/** More places than these are not kept while nothing is in flight: a connection may be idle for days. */
const IDLE_CAPACITY = 64

export class Inflight {
  readonly #quota: number
  #places: (Sent | undefined)[] = []
  /** Those of earlier connections. */
  #restored: Map<number, Sent> | undefined
  #size = 0
  #lastId = 0

  /** @param quota the client's Receive Maximum [MQTT-3.3.4-9], or the broker's own limit where that is lower */
  constructor(quota: number) {
    this.#quota = quota
  }

  get size(): number {
    return this.#size
  }

  /** Whether another QoS 1 or 2 message may be sent [MQTT-4.9.0-2]. */
  get hasQuota(): boolean {
    return this.#size < this.#quota
  }

  /** Takes a packet id that is not in use [MQTT-2.2.1-4] and remembers the message under it. */
  add(sent: Sent): number {
    // half of the places are free, and have more ids than were restored
    while (this.#size * 2 >= this.#places.length) this.#grow()
    const mask = this.#places.length - 1
    do this.#lastId = (this.#lastId % LARGEST_PACKET_ID) + 1
    while (this.#places[this.#lastId & mask] !== undefined || this.#restored?.has(this.#lastId))
    sent.packetId = this.#lastId
    this.#places[this.#lastId & mask] = sent
    this.#size++
    return this.#lastId
  }

  /** Remembers a message of a resumed session under the packet id it had [MQTT-4.4.0-1]. */
  restore(packetId: number, sent: Sent): void {
    this.remove(packetId)
    sent.packetId = packetId
    this.#restored ??= new Map()
    this.#restored.set(packetId, sent)
    this.#size++
    this.#lastId = packetId
  }

  get(packetId: number): Sent | undefined {
    const sent = this.#places[packetId & (this.#places.length - 1)]
    return sent?.packetId === packetId ? sent : this.#restored?.get(packetId)
  }

  /** The message is finished: its packet id is free, and so is its share of the quota. */
  remove(packetId: number): void {
    if (this.get(packetId) === undefined) return
    if (!this.#restored?.delete(packetId)) this.#places[packetId & (this.#places.length - 1)] = undefined
    this.#size--
    if (this.#restored?.size === 0) this.#restored = undefined
    if (this.#size === 0 && this.#places.length > IDLE_CAPACITY) this.#places = []
  }

  /** All of them, in no order that matters. */
  *all(): Generator<Sent> {
    if (this.#restored !== undefined) yield* this.#restored.values()
    for (const sent of this.#places) if (sent !== undefined) yield sent
  }

  #grow(): void {
    const before = this.#places
    this.#places = new Array(Math.max(FIRST_CAPACITY, before.length * 2)).fill(undefined)
    for (const sent of before) {
      if (sent !== undefined) this.#places[sent.packetId & (this.#places.length - 1)] = sent
    }
  }
}
