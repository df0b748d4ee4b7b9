/**
 * A message in the form in which one or many receivers get it: encoded once for all that get it in the same form. Owns
 * the encoded frames; must not know the receivers.
 */
import type { Message } from '../../types/message/message.js'
import type { ProtocolVersion, QoS } from '../../types/message/packets.js'
import type { Dialect } from '../codec/dialect.js'
import { publishFrame } from '../codec/encode/encoder.js'
import { PublishMessage, receivedPacket } from '../codec/publish-message.js'
import type { Frame } from '../codec/wire/frame.js'

export class Delivery {
  readonly message: Message
  readonly qos: QoS
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[] | undefined
  /** The `$share/…` filter of the shared subscription that it came through. */
  readonly share: string | undefined
  /** The frame for 3.1 and 3.1.1, whose PUBLISH is the same. */
  #before5: Frame | undefined
  #mqtt5: Frame | undefined
  #expiryInterval: number | undefined
  /** The message, if it is sent exactly as it was received. */
  readonly #unchanged: PublishMessage | undefined

  constructor(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    share: string | undefined,
  ) {
    this.message = message
    this.qos = qos
    this.retain = retain
    this.subscriptionIdentifiers = subscriptionIdentifiers
    this.share = share
    const isUnchanged = qos === message.qos && retain === message.retain && subscriptionIdentifiers === undefined
    this.#unchanged = isUnchanged && message instanceof PublishMessage ? message : undefined
  }

  /**
   * The PUBLISH of the first transmission, without a topic alias.
   * @param expiryInterval seconds until the message expires
   */
  frame({ version, hasProperties }: Dialect, expiryInterval: number | undefined): Frame {
    const received = expiryInterval === undefined ? this.#receivedPacket(version) : undefined
    if (received !== undefined) return received
    if (!hasProperties) {
      this.#before5 ??= this.#encode(version, undefined)
      return this.#before5
    }
    if (this.#mqtt5 === undefined || expiryInterval !== this.#expiryInterval) {
      this.#mqtt5 = this.#encode(version, expiryInterval)
      this.#expiryInterval = expiryInterval
    }
    return this.#mqtt5
  }

  #receivedPacket(version: ProtocolVersion): Frame | undefined {
    return this.#unchanged && receivedPacket(this.#unchanged, version)
  }

  #encode(version: ProtocolVersion, messageExpiryInterval: number | undefined): Frame {
    const { message, qos, retain, subscriptionIdentifiers } = this
    return publishFrame(message, version, { qos, retain, dup: false, subscriptionIdentifiers, messageExpiryInterval })
  }
}
