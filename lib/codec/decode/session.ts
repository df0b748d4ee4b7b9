/**
 * Decodes CONNACK (3.2), DISCONNECT (3.14) and AUTH (3.15).
 * Owns the rules of their format; must not know the state of a connection.
 */
import type {
  AuthPacket,
  AuthProperties,
  ConnackPacket,
  ConnackProperties,
  DisconnectPacket,
  DisconnectProperties,
} from '../../../types/message/packets.js'
import { PacketType, Sender } from '../packet-types.js'
import type { WireReader } from '../wire/wire-reader.js'
import { readReasonCode } from './acknowledgement.js'
import { readProperties } from './properties.js'

/** The highest return code of 3.1.1. */
const LAST_RETURN_CODE = 5

export function decodeConnack(reader: WireReader): ConnackPacket {
  const flags = reader.uint8('acknowledge flags')
  if (flags > 1) throw reader.malformed('reserved acknowledge flag set') // [MQTT-3.2.2-1]
  const sessionPresent = flags === 1
  if (reader.protocolVersion !== 5) {
    const returnCode = reader.uint8('return code')
    if (returnCode > LAST_RETURN_CODE) throw reader.protocolError(`return code ${returnCode}`)
    return { cmd: 'connack', sessionPresent, returnCode }
  }
  const reasonCode = readReasonCode(reader, PacketType.CONNACK)
  const properties = readProperties<ConnackProperties>(reader, PacketType.CONNACK)
  if (properties === undefined) return { cmd: 'connack', sessionPresent, reasonCode }
  return { cmd: 'connack', sessionPresent, reasonCode, properties }
}

export function decodeDisconnect(reader: WireReader): DisconnectPacket {
  if (reader.protocolVersion !== 5) return { cmd: 'disconnect' }
  const reasonCode = reader.left === 0 ? 0 : readReasonCode(reader, PacketType.DISCONNECT)
  const properties = reader.left === 0 ? undefined : readProperties<DisconnectProperties>(reader, PacketType.DISCONNECT)
  return properties === undefined ? { cmd: 'disconnect', reasonCode } : { cmd: 'disconnect', reasonCode, properties }
}

export function decodeAuth(reader: WireReader): AuthPacket {
  if (reader.protocolVersion !== 5) throw reader.malformed('before MQTT 5.0 there is no such packet')
  if (reader.left === 0) return shortAuth(reader)
  const reasonCode = readReasonCode(reader, PacketType.AUTH)
  const properties = readProperties<AuthProperties>(reader, PacketType.AUTH)
  if (properties?.authenticationMethod === undefined) throw reader.protocolError('no authentication method')
  return { cmd: 'auth', reasonCode, properties }
}

/** The short form means success without properties, which only a broker may send. */
function shortAuth(reader: WireReader): AuthPacket {
  if (reader.sender === Sender.client) throw reader.protocolError('reason code 0x00')
  return { cmd: 'auth', reasonCode: 0 }
}
