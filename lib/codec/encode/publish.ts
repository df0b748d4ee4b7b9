/**
 * Encodes PUBLISH (3.3): for one receiver, or once as a frame for many. Owns the format; must not know sessions,
 * aliases or expiry, whose results are parameters.
 */
import type { Message } from '../../../types/message/message.js'
import type { ProtocolVersion, PublishPacket, QoS } from '../../../types/message/packets.js'
import { PacketType } from '../packet-types.js'
import { propertyByName } from '../properties.js'
import { type Frame, INLINE_PAYLOAD } from '../wire/frame.js'
import { integer, type WireWriter } from '../wire/wire-writer.js'
import { bytesOf, writeProperties, writePropertiesExcept, writeProperty } from './properties.js'

/** The fields of a message that {@link publishFrame} encodes. */
export type PublishContent = Pick<Message, 'topic' | 'payload' | 'properties'>

/** The differences between one delivery and its message. */
export interface PublishFrameOptions {
  qos: QoS
  retain: boolean
  dup: boolean
  /** Identifiers of the receiver's subscriptions [MQTT-3.3.4-3]. */
  subscriptionIdentifiers?: readonly number[] | undefined
  topicAlias?: number | undefined
  /** True if the receiver knows the alias: the topic name is then sent empty. */
  omitTopic?: boolean | undefined
  /** The remaining seconds [MQTT-3.3.2-6]. */
  messageExpiryInterval?: number | undefined
}

/** Estimated length of the topic's length, the packet identifier and a few properties. */
const SMALL_PARTS = 8

/** The options of one delivery; they never come from the message. */
const PER_DELIVERY: ReadonlySet<string> = new Set(['topicAlias', 'subscriptionIdentifier', 'messageExpiryInterval'])
const TOPIC_ALIAS = propertyByName('topicAlias')!
const SUBSCRIPTION_IDENTIFIER = propertyByName('subscriptionIdentifier')!
const MESSAGE_EXPIRY_INTERVAL = propertyByName('messageExpiryInterval')!

/** Encodes a delivery of a message, with a hole for the packet identifier if the QoS needs one. */
export function writePublishFrame(
  writer: WireWriter,
  message: PublishContent,
  version: ProtocolVersion,
  options: PublishFrameOptions,
): Frame {
  const { payload } = message
  const topic = options.omitTopic === true ? '' : message.topic
  writer.begin(topic.length + payload.length + SMALL_PARTS)
  writer.string(topic, 'topic')
  const hole = options.qos > 0 ? writer.offset : undefined
  if (options.qos > 0) writer.uint16(0)
  if (version === 5) writeDeliveryProperties(writer, message, options)
  const isInline = payload.length <= INLINE_PAYLOAD
  if (isInline) writer.raw(payload)
  return writer.finish(publishByte(options), hole, isInline ? undefined : payload, payload.length)
}

/** Encodes a PUBLISH unchanged, including its payload. */
export function writePublish(writer: WireWriter, packet: PublishPacket, version: ProtocolVersion): void {
  integer(packet.qos, 0, 2, 'PUBLISH: QoS')
  writer.string(packet.topic, 'topic')
  if (packet.qos > 0) writer.uint16(integer(packet.messageId, 1, 0xffff, 'PUBLISH: packet identifier'))
  if (version === 5) writeProperties(writer, PacketType.PUBLISH, packet.properties)
  writer.raw(bytesOf(packet.payload, 'PUBLISH: payload'))
}

/** The first byte of a PUBLISH; DUP is for QoS 1 and 2 only [MQTT-3.3.1-2]. */
export function publishByte({ qos, dup, retain }: { qos: QoS; dup: boolean; retain: boolean }): number {
  return (PacketType.PUBLISH << 4) | (dup && qos > 0 ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
}

function writeDeliveryProperties(writer: WireWriter, message: PublishContent, options: PublishFrameOptions): void {
  const begin = writer.beginSection()
  if (message.properties !== undefined) {
    writePropertiesExcept(writer, PacketType.PUBLISH, message.properties, PER_DELIVERY)
  }
  if (options.messageExpiryInterval !== undefined) {
    writeProperty(writer, MESSAGE_EXPIRY_INTERVAL, options.messageExpiryInterval)
  }
  if (options.topicAlias !== undefined) writeProperty(writer, TOPIC_ALIAS, options.topicAlias)
  if (options.subscriptionIdentifiers !== undefined) {
    for (const id of options.subscriptionIdentifiers) writeProperty(writer, SUBSCRIPTION_IDENTIFIER, id)
  }
  writer.endSection(begin)
}
