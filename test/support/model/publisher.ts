/**
 * A publisher that follows the standard: numbered messages, full handshakes, retransmission of everything after a
 * reconnect.
 */
import assert from 'node:assert/strict'
import type { Packet, PubcompPacket, PublishPacket, QoS } from '../../../types/message/packets.js'
import { textPacket } from '../clients/traffic.js'
import { ModelClient } from './client.js'

/** A sent message. */
export interface Published {
  topic: string
  text: string
  qos: QoS
  /** How often it was sent. */
  attempts: number
  isAcknowledged: boolean
  /** Subscribers that must receive it: their subscriptions existed before the message, and have not changed. */
  readonly audience: Set<string>
}

interface Open {
  message: Published
  state: 'published' | 'released'
  /** Of an earlier connection: its answer may have been lost. */
  isOld: boolean
}

export class ModelPublisher extends ModelClient {
  /** Unfinished messages by packet id, in the order of sending. */
  readonly #open = new Map<number, Open>()
  readonly #quota: number
  readonly #onAcknowledged: (message: Published) => void
  /** The number of unfinished PUBLISH packets of this connection. */
  readonly #counted = new Set<number>()
  #number = 0
  #lastId = 0

  /** @param quota the broker's Receive Maximum */
  constructor(id: string, quota: number, onAcknowledged: (message: Published) => void) {
    super(id)
    this.#quota = quota
    this.#onAcknowledged = onAcknowledged
  }

  /** Publishes the next number, if the quota allows it. */
  publish(topic: string, qos: QoS): Published | undefined {
    if (this.line === undefined || (qos > 0 && this.#counted.size >= this.#quota)) return undefined
    const text = `${this.id}:${this.#number++}`
    const message: Published = { topic, text, qos, attempts: 1, isAcknowledged: false, audience: new Set() }
    const messageId = qos > 0 ? this.#freeId() : undefined
    if (messageId !== undefined) {
      this.#open.set(messageId, { message, state: 'published', isOld: false })
      this.#counted.add(messageId)
    }
    this.line.send(textPacket(topic, text, { qos, messageId }))
    return message
  }

  get isDone(): boolean {
    return this.#open.size === 0
  }

  protected override began(session: 'resumed' | 'new'): void {
    this.#counted.clear()
    if (session === 'new') this.#open.clear()
    for (const [messageId, open] of this.#open) {
      const { message, state } = open
      open.isOld = true
      this.line!.send(state === 'released' ? { cmd: 'pubrel', messageId } : this.#again(messageId, message))
    }
  }

  protected override arrived(packet: Packet): void {
    switch (packet.cmd) {
      case 'puback':
        this.#settle(packet.messageId, this.#expected(packet.messageId, 1, 'published', packet.reasonCode))
        break
      case 'pubrec': {
        const open = this.#expected(packet.messageId, 2, undefined, packet.reasonCode)
        if (open.state === 'published') this.#acknowledged(open.message)
        open.state = 'released'
        this.later({ cmd: 'pubrel', messageId: packet.messageId })
        break
      }
      case 'pubcomp':
        this.#completed(packet)
        break
      default:
        assert.fail(`${this.id} got ${JSON.stringify(packet)}`)
    }
  }

  /** 0x92: the broker had sent a PUBCOMP that was lost, and has nothing left to release. */
  #completed({ messageId, reasonCode = 0 }: PubcompPacket): void {
    const open = this.#expected(messageId, 2, 'released')
    assert(reasonCode === 0 || (reasonCode === 0x92 && open.isOld))
    this.#settle(messageId, open)
  }

  #again(messageId: number, message: Published): PublishPacket {
    message.attempts++
    this.#counted.add(messageId)
    return textPacket(message.topic, message.text, { qos: message.qos, messageId, dup: true })
  }

  #expected(messageId: number, qos: QoS, state: Open['state'] | undefined, reasonCode = 0): Open {
    const open = this.#open.get(messageId)
    assert(open !== undefined, `${this.id}: an answer for ${messageId}, which is not open`)
    assert.equal(open.message.qos, qos)
    assert(state === undefined || open.state === state)
    assert(reasonCode < 0x80, `${this.id}: refused with ${reasonCode}`)
    return open
  }

  #settle(messageId: number, { message }: Open): void {
    this.#acknowledged(message)
    this.#open.delete(messageId)
    this.#counted.delete(messageId)
  }

  #acknowledged(message: Published): void {
    if (message.isAcknowledged) return
    message.isAcknowledged = true
    this.#onAcknowledged(message)
  }

  #freeId(): number {
    do this.#lastId = (this.#lastId % 20) + 1
    while (this.#open.has(this.#lastId))
    return this.#lastId
  }
}
