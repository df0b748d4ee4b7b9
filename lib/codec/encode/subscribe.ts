/**
 * Encodes SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (3.8 to 3.11).
 * Owns the format; must not know what is granted.
 */
import type {
  ProtocolVersion,
  SubackPacket,
  SubscribePacket,
  Subscription,
  UnsubackPacket,
  UnsubscribePacket,
} from '../../../types/message/packets.js'
import { PacketType } from '../packet-types.js'
import { integer, refuse, type WireWriter } from '../wire/wire-writer.js'
import { reasonCode } from './acknowledgement.js'
import { writeProperties } from './properties.js'

export function writeSubscribe(writer: WireWriter, packet: SubscribePacket, version: ProtocolVersion): void {
  writer.uint16(integer(packet.messageId, 1, 0xffff, 'SUBSCRIBE: packet identifier'))
  if (version === 5) writeProperties(writer, PacketType.SUBSCRIBE, packet.properties)
  if (packet.subscriptions.length === 0) throw refuse('SUBSCRIBE: no topic filter')
  for (const subscription of packet.subscriptions) {
    writer.string(subscription.topic, 'topic filter')
    writer.uint8(optionsByte(subscription, version))
  }
}

export function writeUnsubscribe(writer: WireWriter, packet: UnsubscribePacket, version: ProtocolVersion): void {
  writer.uint16(integer(packet.messageId, 1, 0xffff, 'UNSUBSCRIBE: packet identifier'))
  if (version === 5) writeProperties(writer, PacketType.UNSUBSCRIBE, packet.properties)
  if (packet.unsubscriptions.length === 0) throw refuse('UNSUBSCRIBE: no topic filter')
  for (const filter of packet.unsubscriptions) writer.string(filter, 'topic filter')
}

export function writeSuback(writer: WireWriter, packet: SubackPacket, version: ProtocolVersion): void {
  writer.uint16(integer(packet.messageId, 1, 0xffff, 'SUBACK: packet identifier'))
  if (version === 5) writeProperties(writer, PacketType.SUBACK, packet.properties)
  if (packet.granted.length === 0) throw refuse('SUBACK: no return code')
  for (const code of packet.granted) {
    writer.uint8(version === 5 ? reasonCode(PacketType.SUBACK, code) : returnCode(code))
  }
}

export function writeUnsuback(writer: WireWriter, packet: UnsubackPacket, version: ProtocolVersion): void {
  writer.uint16(integer(packet.messageId, 1, 0xffff, 'UNSUBACK: packet identifier'))
  if (version !== 5) return
  writeProperties(writer, PacketType.UNSUBACK, packet.properties)
  if (packet.granted.length === 0) throw refuse('UNSUBACK: no reason code')
  for (const code of packet.granted) writer.uint8(reasonCode(PacketType.UNSUBACK, code))
}

function optionsByte({ qos, nl, rap, rh = 0 }: Subscription, version: ProtocolVersion): number {
  integer(qos, 0, 2, 'SUBSCRIBE: QoS')
  if (version !== 5) return qos
  return qos | (nl === true ? 4 : 0) | (rap === true ? 8 : 0) | (integer(rh, 0, 2, 'SUBSCRIBE: retain handling') << 4)
}

/** Before 5.0 the return code is a granted QoS or 0x80 [MQTT-3.9.3-2]. */
function returnCode(code: number): number {
  return code === 0x80 ? code : integer(code, 0, 2, 'SUBACK: return code')
}
