/**
 * Decodes SUBSCRIBE (3.8) and UNSUBSCRIBE (3.10).
 * Owns the rules of their format; must not know what a session has subscribed to.
 */
import type { QoS, SubscribePacket, Subscription, UnsubscribePacket } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { isTopicFilter } from '../../topic/topic.js'
import { PacketType } from '../packet-types.js'
import type { WireReader } from '../wire/wire-reader.js'
import { readProperties } from './properties.js'

const Option = { qos: 0x03, noLocal: 0x04, retainAsPublished: 0x08, retainHandling: 0x30, reserved: 0xc0 } as const

export function decodeSubscribe(reader: WireReader): SubscribePacket {
  const packet: SubscribePacket = { cmd: 'subscribe', messageId: reader.packetId(), subscriptions: [] }
  if (reader.protocolVersion === 5) {
    const properties = readProperties<NonNullable<SubscribePacket['properties']>>(reader, PacketType.SUBSCRIBE)
    if (properties !== undefined) packet.properties = properties
  }
  if (reader.left === 0) throw reader.protocolError('no topic filter') // [MQTT-3.8.3-2], 3.1.1 [MQTT-3.8.3-3]
  while (reader.left > 0) {
    checkCount(reader, packet.subscriptions)
    const topic = topicFilter(reader)
    const options = reader.uint8('subscription options')
    packet.subscriptions.push(
      reader.protocolVersion === 5 ? subscription(reader, topic, options) : subscription3(reader, topic, options),
    )
  }
  return packet
}

export function decodeUnsubscribe(reader: WireReader): UnsubscribePacket {
  const packet: UnsubscribePacket = { cmd: 'unsubscribe', messageId: reader.packetId(), unsubscriptions: [] }
  if (reader.protocolVersion === 5) {
    const properties = readProperties<NonNullable<UnsubscribePacket['properties']>>(reader, PacketType.UNSUBSCRIBE)
    if (properties !== undefined) packet.properties = properties
  }
  if (reader.left === 0) throw reader.protocolError('no topic filter') // [MQTT-3.10.3-2]
  while (reader.left > 0) {
    checkCount(reader, packet.unsubscriptions)
    packet.unsubscriptions.push(topicFilter(reader))
  }
  return packet
}

/** Checked before the rest is decoded: one packet could contain millions of filters. */
function checkCount(reader: WireReader, filters: readonly unknown[]): void {
  if (filters.length < reader.maximumFilters) return
  const detail = `${reader.packet}: more than ${reader.maximumFilters} topic filters`
  throw new AnaxError('ANAX_ERR_QUOTA', { detail, scope: 'connection' })
}

function subscription(reader: WireReader, topic: string, options: number): Subscription {
  if (options & Option.reserved) throw reader.malformed('reserved subscription option set') // [MQTT-3.8.3-5]
  const qos = options & Option.qos
  if (qos === 3) throw reader.protocolError('QoS 3')
  const retainHandling = (options & Option.retainHandling) >> 4
  if (retainHandling === 3) throw reader.protocolError('retain handling 3')
  return {
    topic,
    qos: qos as QoS,
    nl: (options & Option.noLocal) !== 0,
    rap: (options & Option.retainAsPublished) !== 0,
    rh: retainHandling as 0 | 1 | 2,
  }
}

/** In MQTT 3.1 and 3.1.1 the options are only the requested QoS [MQTT-3.8.3-4]. */
function subscription3(reader: WireReader, topic: string, options: number): Subscription {
  if (options > 2) throw reader.malformed(`requested QoS byte ${options}`)
  return { topic, qos: options as QoS }
}

/** [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2] */
function topicFilter(reader: WireReader): string {
  const filter = reader.string('topic filter')
  if (isTopicFilter(filter)) return filter
  // In DISCONNECT, 'Topic Filter invalid' is only for well-formed filters
  throw new AnaxError('ANAX_ERR_TOPIC_FILTER', {
    detail: `${reader.packet}: '${filter}' is not a topic filter`,
    reasonCode: ReasonCode.MalformedPacket,
    scope: 'connection',
  })
}
