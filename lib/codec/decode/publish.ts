/**
 * Decodes PUBLISH (3.3), the packet that has to be fast.
 * Owns the checks of its content; must not know aliases, quotas or retained messages.
 */
import type { PublishProperties, QoS } from '../../../types/packets.js'
import { AnaxError } from '../../errors.js'
import { isTopicName } from '../../topic/topic.js'
import { PacketType } from '../packet-types.js'
import { PublishMessage } from '../publish-message.js'
import type { WireReader } from '../wire/wire-reader.js'
import { readProperties } from './properties.js'

/**
 * @param first the fixed header's first byte, its flags already checked
 * @param previousTopic the topic of the connection's PUBLISH before this one, or '': when it is the same, it is
 * the same string, too, and not checked again
 */
export function decodePublish(reader: WireReader, first: number, previousTopic: string): PublishMessage {
  const topic = reader.string('topic name')
  const qos = ((first >> 1) & 3) as QoS
  const messageId = qos === 0 ? undefined : reader.packetId()
  const properties =
    reader.protocolVersion === 5 ? readProperties<PublishProperties>(reader, PacketType.PUBLISH) : undefined
  if (topic === '') checkAlias(reader, properties)
  else if (topic !== previousTopic && !isTopicName(topic)) throw topicNameError(reader, topic)
  return new PublishMessage(topic, reader.rest(), qos, (first & 1) === 1, (first & 8) === 8, messageId, properties)
}

/** A topic name is not empty [MQTT-4.7.3-1], except where an alias stands for it. */
function checkAlias(reader: WireReader, properties: PublishProperties | undefined): void {
  if (properties?.topicAlias !== undefined) return
  if (reader.protocolVersion === 5) throw reader.protocolError('neither topic name nor topic alias')
  throw topicNameError(reader, '')
}

/** A topic name that cannot be one [MQTT-3.3.2-2]: the end of the connection, not a refusal of this packet. */
export function topicNameError(reader: WireReader, topic: string): AnaxError {
  const detail = `${reader.packet}: '${topic}' is not a topic name`
  return new AnaxError('ANAX_ERR_TOPIC_NAME', { detail, scope: 'connection' })
}
