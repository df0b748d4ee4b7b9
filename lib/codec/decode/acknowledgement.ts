/**
 * Decodes acknowledgements: PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7), SUBACK (3.9), UNSUBACK (3.11).
 * Owns the rules of their format; must not know what is in flight.
 */
import type {
  PubackPacket,
  PubcompPacket,
  PubrecPacket,
  PubrelPacket,
  ReasonProperties,
  SubackPacket,
  UnsubackPacket,
} from '../../../types/message/packets.js'
import { PacketType } from '../packet-types.js'
import { isReasonCode } from '../reason-code-table.js'
import type { WireReader } from '../wire/wire-reader.js'
import { readProperties } from './properties.js'

/** Decodes PUBACK, PUBREC, PUBREL or PUBCOMP. */
export type PublishAnswer = PubackPacket | PubrecPacket | PubrelPacket | PubcompPacket

const SUBACK_FAILURE = 0x80

export function decodePublishAnswer(reader: WireReader, type: PacketType, cmd: PublishAnswer['cmd']): PublishAnswer {
  const messageId = reader.packetId()
  if (reader.protocolVersion !== 5) return { cmd, messageId }
  // Short forms: no reason code means success, no property length means no properties
  if (reader.left === 0) return { cmd, messageId, reasonCode: 0 }
  const reasonCode = readReasonCode(reader, type)
  const properties = reader.left === 0 ? undefined : readProperties<ReasonProperties>(reader, type)
  return properties === undefined ? { cmd, messageId, reasonCode } : { cmd, messageId, reasonCode, properties }
}

export function decodeSuback(reader: WireReader): SubackPacket {
  const packet: SubackPacket = { cmd: 'suback', messageId: reader.packetId(), granted: [] }
  if (reader.protocolVersion === 5) {
    readAnswerProperties(reader, packet, PacketType.SUBACK)
    readReasonCodes(reader, packet.granted, PacketType.SUBACK)
    return packet
  }
  if (reader.left === 0) throw reader.protocolError('no return code')
  while (reader.left > 0) {
    const code = reader.uint8('return code')
    if (code > 2 && code !== SUBACK_FAILURE) throw reader.protocolError(`return code ${code}`) // [MQTT-3.9.3-2]
    packet.granted.push(code)
  }
  return packet
}

export function decodeUnsuback(reader: WireReader): UnsubackPacket {
  const packet: UnsubackPacket = { cmd: 'unsuback', messageId: reader.packetId(), granted: [] }
  if (reader.protocolVersion === 5) {
    readAnswerProperties(reader, packet, PacketType.UNSUBACK)
    readReasonCodes(reader, packet.granted, PacketType.UNSUBACK)
  }
  return packet
}

/** Reads a reason code that this packet may contain. */
export function readReasonCode(reader: WireReader, type: PacketType): number {
  const code = reader.uint8('reason code')
  if (!isReasonCode(type, code, reader.sender)) {
    throw reader.protocolError(`reason code 0x${code.toString(16).padStart(2, '0')}`)
  }
  return code
}

function readAnswerProperties(reader: WireReader, packet: SubackPacket | UnsubackPacket, type: PacketType): void {
  const properties = readProperties<ReasonProperties>(reader, type)
  if (properties !== undefined) packet.properties = properties
}

function readReasonCodes(reader: WireReader, codes: number[], type: PacketType): void {
  if (reader.left === 0) throw reader.protocolError('no reason code')
  while (reader.left > 0) codes.push(readReasonCode(reader, type))
}
