/**
 * Encodes CONNECT (3.1), for tests and clients built on the codec.
 * Owns the format; must not know how a broker handles it.
 */
import type { ConnectPacket, ProtocolVersion, Will } from '../../../types/message/packets.js'
import { PacketType } from '../packet-types.js'
import { WILL } from '../properties.js'
import { integer, refuse, type WireWriter } from '../wire/wire-writer.js'
import { bytesOf, writeProperties } from './properties.js'

/** Encodes a CONNECT in the version that the packet states. */
export function writeConnect(writer: WireWriter, packet: ConnectPacket): void {
  const { protocolVersion: version, will, username, password } = packet
  if (version !== 3 && version !== 4 && version !== 5) throw refuse(`CONNECT: protocol version ${String(version)}`)
  if (version !== 5 && password !== undefined && username === undefined) {
    throw refuse('CONNECT: password without user name') // [MQTT-3.1.2-22]
  }
  writer.string(version === 3 ? 'MQIsdp' : 'MQTT', 'protocol name')
  writer.uint8(packet.bridgeMode === true && version !== 5 ? version | 0x80 : version)
  writer.uint8(connectFlags(packet))
  writer.uint16(integer(packet.keepalive, 0, 0xffff, 'CONNECT: keep alive'))
  if (version === 5) writeProperties(writer, PacketType.CONNECT, packet.properties)
  writer.string(packet.clientId, 'client identifier')
  if (will !== undefined) writeWill(writer, will, version)
  if (username !== undefined) writer.string(username, 'user name')
  if (password !== undefined) writer.binary(bytesOf(password, 'password'), 'password')
}

function writeWill(writer: WireWriter, will: Will, version: ProtocolVersion): void {
  if (version === 5) writeProperties(writer, WILL, will.properties)
  writer.string(will.topic, 'will topic')
  writer.binary(bytesOf(will.payload, 'will payload'), 'will payload')
}

function connectFlags({ clean, will, username, password }: ConnectPacket): number {
  let flags = clean ? 0x02 : 0
  if (will !== undefined) flags |= 0x04 | (integer(will.qos, 0, 2, 'CONNECT: will QoS') << 3) | (will.retain ? 0x20 : 0)
  if (password !== undefined) flags |= 0x40
  if (username !== undefined) flags |= 0x80
  return flags
}
