/**
 * What a publisher has to keep on disk in order to publish each QoS 2 message exactly once, though it may be killed at
 * any moment:
 *
 * - The message and its packet id, before PUBLISH leaves: it is sent again with the same packet id, or the broker
 *   would take it for another message.
 * - That PUBREC came, before PUBREL leaves: from then on the packet id is released, and a PUBLISH would be a new
 * message.
 * - That the packet id is free, before it is used again.
 */
import type { QoS } from '../../../types/message/packets.js'

/** An entry of a publisher. */
export type PublisherEntry =
  /** The broker had no session: a new one began. */
  | { event: 'session' }
  | { event: 'publish'; messageId: number; topic: string; number: number; qos: QoS }
  | { event: 'puback' | 'pubrec' | 'pubcomp'; messageId: number }
  /** PUBACK or PUBREC with an error code: the message is not acknowledged, and the packet id is free. */
  | { event: 'refused'; messageId: number }

/** An unfinished message. */
export interface Sent {
  messageId: number
  topic: string
  number: number
  qos: QoS
  isReceived: boolean
}

/** The state of a publisher, from its entries. */
export class PublisherState {
  /** The number of messages published to each topic. */
  readonly published = new Map<string, number>()
  /** The last acknowledged message of each topic. */
  readonly acknowledged = new Map<string, number>()
  /** Messages that the broker refused, which may be published nevertheless. */
  readonly refused: Readonly<Sent>[] = []
  sessions = 0
  readonly #inFlight = new Map<number, Sent>()
  #lastPacketId = 0

  /** In the order of retransmission. */
  get inFlight(): ReadonlyMap<number, Readonly<Sent>> {
    return this.#inFlight
  }

  /** The packet id for the next message. */
  nextPacketId(): number {
    let id = this.#lastPacketId
    do id = (id % 65_535) + 1
    while (this.#inFlight.has(id))
    return id
  }

  apply(entry: PublisherEntry): void {
    switch (entry.event) {
      case 'session':
        this.sessions++
        break
      case 'publish':
        this.published.set(entry.topic, entry.number)
        this.#lastPacketId = entry.messageId
        this.#inFlight.set(entry.messageId, { ...entry, isReceived: false })
        break
      case 'puback':
      case 'pubrec':
        this.#acknowledge(entry.messageId, entry.event === 'pubrec')
        break
      case 'pubcomp':
        this.#inFlight.delete(entry.messageId)
        break
      case 'refused':
        this.#refuse(entry.messageId)
        break
    }
  }

  #refuse(messageId: number): void {
    const sent = this.#inFlight.get(messageId)
    if (sent !== undefined) this.refused.push(sent)
    this.#inFlight.delete(messageId)
  }

  /** From here on the broker has the message. PUBREL is retransmitted after all PUBLISH packets. */
  #acknowledge(messageId: number, isReceived: boolean): void {
    const sent = this.#inFlight.get(messageId)
    if (sent === undefined) return
    this.acknowledged.set(sent.topic, Math.max(this.acknowledged.get(sent.topic) ?? 0, sent.number))
    this.#inFlight.delete(messageId)
    if (isReceived) this.#inFlight.set(messageId, { ...sent, isReceived })
  }
}
