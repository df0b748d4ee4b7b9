/**
 * A subscriber that checks everything it receives against the standard: packet ids, quota, DUP, order, and QoS 2
 * exactly once.
 */
import assert from 'node:assert/strict'
import type { ConnectPacket, Packet, PublishPacket, QoS } from '../../../types/message/packets.js'
import { ModelClient } from './client.js'
import type { Published } from './publisher.js'

interface Receipt {
  text: string
  qos: QoS
}

export class ModelSubscriber extends ModelClient {
  /** Topic -> granted QoS. */
  readonly subscriptions = new Map<string, QoS>()
  readonly #receiveMaximum: number
  readonly #messageOf: (text: string) => Published | undefined
  /** Unreleased QoS 2 messages by packet id, part of the session. */
  #unreleased = new Map<number, string>()
  /** Unfinished messages of this connection, by packet id. */
  readonly #open = new Map<number, Receipt>()
  /**
   * Messages that the session was sent and that are not known to be finished, by packet id: they may be retransmitted.
   */
  #known = new Map<number, Receipt>()
  readonly #texts: Receipt[] = []
  #hasReturned = false

  /** @param receiveMaximum announced in 5.0; otherwise the broker's own limit applies */
  constructor(id: string, receiveMaximum: number, messageOf: (text: string) => Published | undefined) {
    super(id)
    this.#receiveMaximum = receiveMaximum
    this.#messageOf = messageOf
  }

  async subscribe(topic: string, qos: QoS): Promise<void> {
    if (this.line === undefined) return
    await this.read()
    this.line.send({ cmd: 'subscribe', messageId: 1000, subscriptions: [{ topic, qos }] })
    await this.#until('suback')
    this.subscriptions.set(topic, qos)
  }

  async unsubscribe(topic: string): Promise<void> {
    if (this.line === undefined) return
    this.subscriptions.delete(topic)
    await this.read()
    this.line.send({ cmd: 'unsubscribe', messageId: 1001, unsubscriptions: [topic] })
    await this.#until('unsuback')
  }

  has(text: string): boolean {
    return this.#texts.some(receipt => receipt.text === text)
  }

  protected override get properties(): ConnectPacket['properties'] {
    return { receiveMaximum: this.#receiveMaximum }
  }

  protected override began(session: 'resumed' | 'new'): void {
    this.#open.clear()
    this.#hasReturned = session === 'resumed'
    if (session === 'resumed') return
    this.#known = new Map()
    this.#unreleased = new Map()
    this.subscriptions.clear()
  }

  protected override sending(packet: Packet): void {
    if (packet.cmd !== 'puback' && packet.cmd !== 'pubcomp') return
    this.#open.delete(packet.messageId)
    this.#known.delete(packet.messageId)
  }

  protected override arrived(packet: Packet): void {
    if (packet.cmd === 'publish') {
      this.#received(packet)
    } else {
      assert.equal(packet.cmd, 'pubrel', `${this.id} got ${JSON.stringify(packet)}`)
      const { messageId } = packet as { messageId: number }
      this.#unreleased.delete(messageId)
      this.later({ cmd: 'pubcomp', messageId })
    }
  }

  async #until(cmd: Packet['cmd']): Promise<void> {
    for (;;) {
      const packet = await this.line!.next()
      if (packet.cmd === cmd) return
      this.arrived(packet)
    }
  }

  #received(packet: PublishPacket): void {
    const { qos, messageId = 0, dup } = packet
    const text = packet.payload.toString()
    if (qos === 0) {
      assert.equal(dup, false)
      return
    }
    assert(!this.#open.has(messageId), `${this.id}: packet id ${messageId} is in use`)
    assert(!dup || this.#hasReturned, `${this.id}: ${text} with DUP in a session that was not resumed`)
    const known = this.#known.get(messageId)
    assert(
      !dup || known === undefined || known.text === text,
      `${this.id}: ${messageId} was ${known?.text}, is ${text}`,
    )
    this.#open.set(messageId, { text, qos })
    this.#known.set(messageId, { text, qos })
    assert(this.#open.size <= this.#receiveMaximum, `${this.id}: ${this.#open.size} messages at once`)
    if (qos === 1) {
      this.#delivered({ text, qos }, dup)
      this.later({ cmd: 'puback', messageId })
      return
    }
    if (!this.#unreleased.has(messageId)) this.#delivered({ text, qos }, dup)
    this.#unreleased.set(messageId, text)
    this.later({ cmd: 'pubrec', messageId })
  }

  #delivered(receipt: Receipt, dup: boolean): void {
    const { text, qos } = receipt
    const message = this.#messageOf(text)
    assert(message !== undefined, `${text} was never published`)
    const isNew = !this.has(text)
    if (qos === 2) assert(isNew, `${this.id}: ${text} for the second time, QoS 2`)
    // more than once: either the broker retransmits (with DUP), or the publisher did, with QoS 1
    assert(isNew || dup || message.attempts > 1, `${this.id}: ${text} for the second time, without DUP`)
    if (isNew && message.audience.has(this.id)) this.#assertOrder(message, qos)
    this.#texts.push(receipt)
  }

  /** Checks that no later message of the same publisher, topic and QoS has arrived before. */
  #assertOrder({ topic, text, qos: published }: Published, qos: QoS): void {
    const [publisher, number] = text.split(':')
    for (const other of this.#texts) {
      const [otherPublisher, otherNumber] = other.text.split(':')
      const message = this.#messageOf(other.text)!
      if (otherPublisher !== publisher || message.topic !== topic) continue
      if (other.qos !== qos || message.qos !== published || !message.audience.has(this.id)) continue
      assert(Number(otherNumber) < Number(number), `${this.id}: ${other.text} came before ${text}`)
    }
  }
}
