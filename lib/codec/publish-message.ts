/**
 * One published message: the decoder creates it, and all later steps pass on the same object. Owns its shape, which
 * never changes, and the broker's hidden data. Must not know how the message is processed.
 *
 * The host gets this object in hooks and events. So only the fields of the contract are public; the functions below,
 * which the class defines, are the broker's access to the rest.
 */
import type { Message } from '../../types/message/message.js'
import type { ProtocolVersion, PublishProperties, QoS } from '../../types/message/packets.js'
import type { Frame } from './wire/frame.js'

/** First byte of a PUBLISH that is sent for the first time, without QoS and RETAIN. */
const FIRST_BYTE = 0x30

/** Stores the packet that a message without properties arrived in. */
export let setReceivedPacket: (message: PublishMessage, packet: Frame, version: ProtocolVersion) => void

/**
 * The packet that a message arrived in, if the same bytes, apart from the packet identifier, can be sent to a receiver
 * of this version. Encoding the message again would be a quarter of its cost. Undefined if the message was changed in
 * the meantime, or came with DUP.
 */
export let receivedPacket: (message: PublishMessage, version: ProtocolVersion) => Frame | undefined

/**
 * Copies the payload of a message that outlives the turn, once. A payload from the wire is a view into a larger chunk,
 * and would keep all of it in memory.
 */
export let ownPayload: (message: PublishMessage) => void

/** Marks a message whose payload need not be copied. */
export let markPayloadOwned: (message: PublishMessage) => void

/** The object that the broker attached to a message; opaque to the codec. */
export let attachmentOf: (message: PublishMessage) => object | undefined

/** Attaches an object to a message, replacing an earlier one. */
export let attachTo: (message: PublishMessage, attachment: object) => void

/** A PUBLISH packet that is also the message on the bus. */
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
  username: string | undefined = undefined
  properties: PublishProperties | undefined
  messageExpiry: number | undefined = undefined
  #ownsPayload = false
  #attachment: object | undefined = undefined
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

  static {
    setReceivedPacket = (message, packet, version) => {
      message.#packet = packet
      message.#packetVersion = version
      message.#packetTopic = message.topic
      message.#packetPayload = message.payload
    }

    receivedPacket = (message, version) => {
      const packet = message.#packet
      if (packet === undefined || (version === 5) !== (message.#packetVersion === 5)) return undefined
      const { topic, payload, qos, retain, properties } = message
      if (topic !== message.#packetTopic || payload !== message.#packetPayload) return undefined
      if (properties !== undefined) return undefined
      return packet.memory[packet.start] === (FIRST_BYTE | (qos << 1) | (retain ? 1 : 0)) ? packet : undefined
    }

    ownPayload = message => {
      if (message.#ownsPayload) return
      message.#ownsPayload = true
      message.#packet = undefined
      message.#packetPayload = undefined
      if (message.payload.length > 0) message.payload = Buffer.from(message.payload)
      const correlationData = message.properties?.correlationData
      if (correlationData !== undefined) message.properties!.correlationData = Buffer.from(correlationData)
    }

    markPayloadOwned = message => {
      message.#ownsPayload = true
    }

    attachmentOf = message => message.#attachment

    attachTo = (message, attachment) => {
      message.#attachment = attachment
    }
  }
}
