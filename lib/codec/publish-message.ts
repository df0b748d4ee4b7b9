/**
 * One published message from the wire to the bus: the decoder makes it, and everything after passes the same object on.
 * Owns its shape, which never changes after construction; must not know what becomes of it.
 */
import type { Message } from '../../types/message.js'
import type { ProtocolVersion, PublishProperties, QoS } from '../../types/packets.js'
import type { Frame } from './wire/frame.js'

/** First byte of a PUBLISH with QoS 0 and RETAIN. */
const RETAINED = 0x31

/** A PUBLISH that is a bus message at once. */
export class PublishMessage implements Message {
  readonly cmd = 'publish' as const
  /** Set by the broker that accepts the message. */
  brokerId = ''
  brokerCounter = 0
  topic: string
  payload: Buffer
  qos: QoS
  retain: boolean
  dup: boolean
  messageId: number | undefined
  clientId: string | undefined = undefined
  properties: PublishProperties | undefined
  messageExpiry: number | undefined = undefined
  /** How many sessions it was routed to; -1 until the router saw it. */
  receivers = -1
  /** How many stored sessions have it in their queue. */
  queued = 0
  /** Sessions that do not get it live: their queue was too full for it, or they had it from there already. */
  withheldFrom: Set<string> | undefined = undefined
  /**
   * Stored sessions that have it in their queue, and the QoS it has there; undefined where matching and routing are one
   * step. A subscription that came in between has no part in it: a copy that the store does not have would not survive
   * its connection.
   */
  queuedFor: Map<string, QoS> | undefined = undefined
  /** Whether the payload is a copy of its own: as it comes from the wire it is a view into a larger chunk. */
  ownsPayload = false
  /** The packet that it came in; private, so that a copy of the message does not have it. */
  #packet: Frame | undefined = undefined
  #packetVersion: ProtocolVersion = 4
  #packetTopic = ''
  #packetPayload: Buffer | undefined = undefined

  constructor(
    topic: string,
    payload: Buffer,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    messageId: number | undefined,
    properties: PublishProperties | undefined,
  ) {
    this.topic = topic
    this.payload = payload
    this.qos = qos
    this.retain = retain
    this.dup = dup
    this.messageId = messageId
    this.properties = properties
  }

  /** Notes the packet that it came in: QoS 0, without properties. */
  setPacket(packet: Frame, version: ProtocolVersion): void {
    this.#packet = packet
    this.#packetVersion = version
    this.#packetTopic = this.topic
    this.#packetPayload = this.payload
  }

  /**
   * The packet that it came in, where a receiver of this version can have the very same: encoding it again was a
   * quarter of a QoS 0 message. Whoever had the message in hands since then may have changed it.
   */
  packetFor(version: ProtocolVersion): Frame | undefined {
    const packet = this.#packet
    if (packet === undefined || (version === 5) !== (this.#packetVersion === 5)) return undefined
    const { topic, payload, retain, properties } = this
    if (topic !== this.#packetTopic || payload !== this.#packetPayload || properties !== undefined) return undefined
    return (packet.memory[packet.start] === RETAINED) === retain ? packet : undefined
  }

  /** Lets the packet go, and the chunk with it, when the message is kept. */
  forgetPacket(): void {
    this.#packet = undefined
    this.#packetPayload = undefined
  }
}
