/**
 * The QoS 1 and 2 messages that were sent to one client and are not finished. Owns their packet ids and the quota. Does
 * no I/O; must not know the stream, the store or the queue.
 *
 * Packet ids are assigned in sequence, so those in use are close together: a small array is indexed by their lowest
 * bits, and an id whose slot is taken is skipped. This costs half as much as a Map, and no memory while idle. The
 * packet ids of a resumed session are arbitrary, but few and soon finished; they are in a Map.
 */
import type { Message } from '../../types/message/message.js'
import type { MessageRef } from '../../types/persistence.js'
import type { Delivery } from './delivery.js'
import { Load } from './metering/load.js'

/** The packet that the client has to send next. */
export type AwaitedAck = 'puback' | 'pubrec' | 'pubcomp'

/** A message in flight. It does not refer to its delivery, which would keep the encoded frames. */
export class Sent {
  packetId = 0
  ref: MessageRef
  /** As it was sent; undefined after PUBREC. */
  message: Message | undefined
  /** The `$share/…` filter of the shared subscription that it came through. */
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
/** A larger array is freed when nothing is in flight: a connection may be idle for days. */
const IDLE_CAPACITY = 64

export class Inflight {
  readonly #quota: number
  readonly #load: Load
  #places: (Sent | undefined)[] = []
  /** Messages that were in flight on earlier connections. */
  #restored: Map<number, Sent> | undefined
  #size = 0
  #lastId = 0

  /**
   * @param quota the client's Receive Maximum [MQTT-3.3.4-9], or the broker's own limit where that is lower
   * @param load the sum of all clients
   */
  constructor(quota: number, load = new Load()) {
    this.#quota = quota
    this.#load = load
  }

  get size(): number {
    return this.#size
  }

  /** Whether another QoS 1 or 2 message may be sent [MQTT-4.9.0-2]. */
  get hasQuota(): boolean {
    return this.#size < this.#quota
  }

  /** Assigns a packet id that is not in use [MQTT-2.2.1-4] to a message. @returns the packet id */
  add(sent: Sent): number {
    // half of the slots stay free: they have more ids than there are restored ones, so the loop below ends
    while (this.#size * 2 >= this.#places.length) this.#grow()
    const mask = this.#places.length - 1
    do this.#lastId = (this.#lastId % LARGEST_PACKET_ID) + 1
    while (this.#places[this.#lastId & mask] !== undefined || this.#restored?.has(this.#lastId))
    sent.packetId = this.#lastId
    this.#places[this.#lastId & mask] = sent
    this.#size++
    this.#load.inflight++
    return this.#lastId
  }

  /** Adds a message of a resumed session with the packet id that it had [MQTT-4.4.0-1]. */
  restore(packetId: number, sent: Sent): void {
    this.remove(packetId)
    sent.packetId = packetId
    this.#restored ??= new Map()
    this.#restored.set(packetId, sent)
    this.#size++
    this.#load.inflight++
    this.#lastId = packetId
  }

  get(packetId: number): Sent | undefined {
    const sent = this.#places[packetId & (this.#places.length - 1)]
    return sent?.packetId === packetId ? sent : this.#restored?.get(packetId)
  }

  /** Removes a finished message: frees its packet id and its place in the quota. */
  remove(packetId: number): void {
    if (this.get(packetId) === undefined) return
    if (!this.#restored?.delete(packetId)) this.#places[packetId & (this.#places.length - 1)] = undefined
    this.#size--
    this.#load.inflight--
    if (this.#restored?.size === 0) this.#restored = undefined
    if (this.#size === 0 && this.#places.length > IDLE_CAPACITY) this.#places = []
  }

  /** Stops counting the messages in flight, because the connection has ended. */
  close(): void {
    this.#load.inflight -= this.#size
  }

  /** All messages in flight, in no particular order. */
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
