/**
 * Encodes CONNACK, the acknowledgements of PUBLISH, DISCONNECT and AUTH (3.2, 3.4 to 3.7, 3.14, 3.15).
 * Owns the formats with their short forms; must not know why a reason code was chosen.
 */
import type { AuthPacket, ConnackPacket, DisconnectPacket, ProtocolVersion } from '../../../types/message/packets.js'
import type { PublishAnswer } from '../decode/acknowledgement.js'
import { PACKET_NAMES, PacketType, Sender } from '../packet-types.js'
import { isReasonCode } from '../reason-code-table.js'
import { integer, refuse, type WireWriter } from '../wire/wire-writer.js'
import { writeProperties } from './properties.js'

const ANY_SENDER = Sender.client | Sender.broker

export function writeConnack(writer: WireWriter, packet: ConnackPacket, version: ProtocolVersion): void {
  writer.uint8(packet.sessionPresent ? 1 : 0)
  if (version === 5) {
    writer.uint8(reasonCode(PacketType.CONNACK, packet.reasonCode))
    writeProperties(writer, PacketType.CONNACK, packet.properties)
  } else {
    writer.uint8(integer(packet.returnCode, 0, 5, 'CONNACK: return code'))
  }
}

export function writePublishAnswer(
  writer: WireWriter,
  packet: PublishAnswer,
  type: PacketType,
  version: ProtocolVersion,
): void {
  writer.uint16(integer(packet.messageId, 1, 0xffff, `${PACKET_NAMES[type]}: packet identifier`))
  if (version === 5) writeReason(writer, type, packet)
}

export function writeDisconnect(writer: WireWriter, packet: DisconnectPacket, version: ProtocolVersion): void {
  if (version === 5) writeReason(writer, PacketType.DISCONNECT, packet)
}

export function writeAuth(writer: WireWriter, packet: AuthPacket, version: ProtocolVersion): void {
  if (version !== 5) throw refuse('AUTH: before MQTT 5.0 there is no such packet')
  if (packet.reasonCode === 0 && packet.properties === undefined) return
  writer.uint8(reasonCode(PacketType.AUTH, packet.reasonCode))
  writeProperties(writer, PacketType.AUTH, packet.properties)
}

/** @returns the reason code, which the packet may contain */
export function reasonCode(type: PacketType, code: number | undefined): number {
  if (code !== undefined && isReasonCode(type, code, ANY_SENDER)) return code
  throw refuse(`${PACKET_NAMES[type]}: reason code ${String(code)}`)
}

/** Writes reason code and properties, each omitted if it has its default and nothing follows. */
function writeReason(writer: WireWriter, type: PacketType, packet: { reasonCode?: number; properties?: object }): void {
  const code = reasonCode(type, packet.reasonCode ?? 0)
  if (code === 0 && packet.properties === undefined) return
  writer.uint8(code)
  if (packet.properties !== undefined) writeProperties(writer, type, packet.properties)
}
