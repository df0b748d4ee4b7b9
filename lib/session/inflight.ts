/**
 * QoS 1 and 2 messages that were sent to one client and are not finished: their packet ids and the quota.
 * Owns packet ids; does no I/O, and must not know the stream, the store or the queue behind it.
 */
import type { Message } from '../../types/message.js'
import type { MessageRef } from '../../types/persistence.js'

/** What the client has to send next. */
export type AwaitedAck = 'puback' | 'pubrec' | 'pubcomp'

/** A message on its way to the client. */
export interface Sent {
  ref: MessageRef
  /** Undefined once released: PUBREC came. */
  message: Message | undefined
  qos: 1 | 2
  retain: boolean
  subscriptionIdentifiers: readonly number[] | undefined
  share: string | undefined
  awaits: AwaitedAck
}

const LARGEST_PACKET_ID = 65_535

export class Inflight {
  readonly #sent = new Map<number, Sent>()
  readonly #quota: number
  #lastId = 0

  /** @param quota the client's Receive Maximum [MQTT-3.3.4-9], or the broker's own limit where that is lower */
  constructor(quota: number) {
    this.#quota = quota
  }

  get size(): number {
    return this.#sent.size
  }

  /** Whether another QoS 1 or 2 message may be sent [MQTT-4.9.0-2]. */
  get hasQuota(): boolean {
    return this.#sent.size < this.#quota
  }

  /** Takes a packet id that is not in use [MQTT-2.2.1-4] and remembers the message under it. */
  add(sent: Sent): number {
    do this.#lastId = (this.#lastId % LARGEST_PACKET_ID) + 1
    while (this.#sent.has(this.#lastId))
    this.#sent.set(this.#lastId, sent)
    return this.#lastId
  }

  /** Remembers a message of a resumed session under the packet id it had [MQTT-4.4.0-1]. */
  restore(packetId: number, sent: Sent): void {
    this.#lastId = packetId
    this.#sent.set(packetId, sent)
  }

  get(packetId: number): Sent | undefined {
    return this.#sent.get(packetId)
  }

  has(packetId: number): boolean {
    return this.#sent.has(packetId)
  }

  /** The message is finished: its packet id is free, and so is its share of the quota. */
  remove(packetId: number): void {
    this.#sent.delete(packetId)
  }

  /** In the order of sending. */
  entries(): IterableIterator<[packetId: number, sent: Sent]> {
    return this.#sent.entries()
  }
}
