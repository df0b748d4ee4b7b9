/**
 * One published message from the wire to the bus: the decoder makes it, and everything after passes the same object on.
 * Owns its shape, which never changes after construction; must not know what becomes of it.
 */
import type { Message } from '../../types/message.js'
import type { PublishProperties, QoS } from '../../types/packets.js'

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
  /** How many sessions it was routed to; -1 until the router saw it, so that it is routed once. */
  receivers = -1
  /** How many stored sessions have it in their queue. */
  queued = 0
  /** Sessions whose queue was too full for it: they do not get it live either. */
  withheldFrom: Set<string> | undefined = undefined
  /**
   * Stored sessions that have it in their queue; undefined where matching and routing are one step. A subscription that
   * came in between has no part in it: a copy that the store does not have would not survive its connection.
   */
  queuedFor: Set<string> | undefined = undefined
  /** Whether the payload is a copy of its own: as it comes from the wire it is a view into a larger chunk. */
  ownsPayload = false

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
}
