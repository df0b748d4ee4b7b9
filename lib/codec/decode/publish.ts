/**
 * Decodes PUBLISH (3.3), the most frequent packet.
 * Owns the checks of its content; must not resolve aliases, nor know quotas or retained messages.
 */
import type { PublishProperties, QoS } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { isTopicName } from '../../topic/topic.js'
import { PacketType } from '../packet-types.js'
import { PublishMessage } from '../publish-message.js'
import type { WireReader } from '../wire/wire-reader.js'
import { readProperties } from './properties.js'

/**
 * @param first the fixed header's first byte, its flags already checked
 * @param previousTopic the topic of the connection's previous PUBLISH, or '': an equal topic becomes the same string,
 * and is not checked again
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

/** A topic name must not be empty [MQTT-4.7.3-1] unless there is a topic alias. */
function checkAlias(reader: WireReader, properties: PublishProperties | undefined): void {
  if (properties?.topicAlias !== undefined) return
  if (reader.protocolVersion === 5) throw reader.protocolError('neither topic name nor topic alias')
  throw topicNameError(reader, '')
}

/** The error for an invalid topic name [MQTT-3.3.2-2], which ends the connection. */
export function topicNameError(reader: WireReader, topic: string): AnaxError {
  const detail = `${reader.packet}: '${topic}' is not a topic name`
  return new AnaxError('ANAX_ERR_TOPIC_NAME', { detail, scope: 'connection' })
}
