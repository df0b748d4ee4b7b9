/** The rules for the first packet of a connection, which must be CONNECT. Must not know the connection's state. */
import type { ConnackPacket } from '../../../types/message/packets.js'
import type { Dialect } from '../../codec/dialect.js'
import { PACKET_NAMES, PacketType } from '../../codec/packet-types.js'
import { AnaxError } from '../../errors.js'

/** Refuses any other packet as soon as its type is known [MQTT-3.1.0-1]. @param packetType undefined until then */
export function firstPacketError(packetType: number | undefined): AnaxError | undefined {
  if (packetType === undefined || packetType === PacketType.CONNECT) return undefined
  // the letter P
  const hint = packetType === PacketType.PUBREC ? ' (it may be a PROXY header, or POST of HTTP)' : ''
  return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `${PACKET_NAMES[packetType]} before CONNECT${hint}` })
}

/** The answer to a malformed first packet [MQTT-3.1.4-1]: CONNACK to a CONNECT, nothing to another packet. */
export function malformedFirstPacketAnswer(
  packetType: number | undefined,
  dialect: Dialect,
  { reasonCode }: AnaxError,
): ConnackPacket | undefined {
  return packetType === PacketType.CONNECT ? dialect.connack({ reasonCode, sessionPresent: false }) : undefined
}
