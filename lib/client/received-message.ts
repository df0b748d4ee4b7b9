/**
 * A received message, and the order in which messages are acknowledged. Knows neither streams nor who reads the
 * messages.
 */
import type { PublishPacket, PublishProperties, QoS } from '../../types/message/packets.js'

/**
 * Receives the messages of a subscription. If it returns a promise, the message is acknowledged when the promise
 * resolves.
 */
export type MessageHandler = (message: ReceivedMessage) => unknown

/** A received message. */
export class ReceivedMessage {
  /** Its topic. */
  readonly topic: string
  /** Its content. */
  readonly payload: Buffer
  /** The QoS with which it was delivered. */
  readonly qos: QoS
  /** Whether it is a retained message, sent because of a new subscription. */
  readonly retain: boolean
  /** Whether it may have been sent before. */
  readonly dup: boolean
  /** MQTT 5.0 properties. */
  readonly properties: PublishProperties | undefined
  #acknowledge: ((reasonCode: number) => void) | undefined

  /** @param acknowledge called at most once; undefined if there is nothing to acknowledge */
  constructor(packet: PublishPacket, acknowledge: ((reasonCode: number) => void) | undefined) {
    this.topic = packet.topic
    this.payload = packet.payload as Buffer
    this.qos = packet.qos
    this.retain = packet.retain
    this.dup = packet.dup
    this.properties = packet.properties
    this.#acknowledge = acknowledge
  }

  /** The payload as UTF-8. */
  get text(): string {
    return this.payload.toString()
  }

  /** The payload, parsed as JSON. Throws what `JSON.parse` throws. */
  json<T = unknown>(): T {
    return JSON.parse(this.text) as T
  }

  /**
   * Acknowledges the message with PUBACK (QoS 1) or PUBREC (QoS 2), unless it is already acknowledged. Acknowledgements
   * are sent in the order of the messages [MQTT-4.6.0-2]: this one waits for those before it.
   * @param reasonCode from 0x80 on, a refusal (5.0 only): the broker does not send the message again. @default 0
   */
  ack(reasonCode = 0): void {
    const acknowledge = this.#acknowledge
    this.#acknowledge = undefined
    acknowledge?.(reasonCode)
  }
}

interface PendingAcknowledgement {
  readonly send: (reasonCode: number) => void
  reasonCode: number | undefined
}

/** Sends acknowledgements in the order of the messages, even if they are given in another order. */
export class AcknowledgementOrder {
  readonly #unsent: PendingAcknowledgement[] = []

  /** Called when a message has arrived. @returns the function that acknowledges it */
  expect(send: (reasonCode: number) => void): (reasonCode: number) => void {
    const pending: PendingAcknowledgement = { send, reasonCode: undefined }
    this.#unsent.push(pending)
    return reasonCode => {
      pending.reasonCode = reasonCode
      this.#sendDue()
    }
  }

  #sendDue(): void {
    for (let first = this.#unsent[0]; first?.reasonCode !== undefined; first = this.#unsent[0]) {
      this.#unsent.shift()
      first.send(first.reasonCode)
    }
  }
}
