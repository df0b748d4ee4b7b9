/**
 * Decodes CONNECT (3.1) in its three dialects.
 * Owns the rules of its format; must not know which clients are accepted.
 */
import type {
  ConnectPacket,
  ConnectProperties,
  ProtocolVersion,
  QoS,
  Will,
  WillProperties,
} from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { isTopicName } from '../../topic/topic.js'
import { PacketType } from '../packet-types.js'
import { WILL } from '../properties.js'
import type { WireReader } from '../wire/wire-reader.js'
import { readProperties } from './properties.js'
import { topicNameError } from './publish.js'

const BRIDGE = 0x80

const Flag = {
  reserved: 0x01,
  clean: 0x02,
  will: 0x04,
  willQoS: 0x18,
  willRetain: 0x20,
  password: 0x40,
  userName: 0x80,
} as const

/** Decodes a CONNECT, and sets the reader's protocol version as soon as it is known. */
export function decodeConnect(reader: WireReader): ConnectPacket {
  const protocolId = reader.string('protocol name')
  const level = reader.uint8('protocol level')
  const protocolVersion = versionOf(reader, protocolId, level)
  const flags = connectFlags(reader)
  const packet: ConnectPacket = {
    cmd: 'connect',
    protocolId: protocolId as ConnectPacket['protocolId'],
    protocolVersion,
    clean: (flags & Flag.clean) !== 0,
    keepalive: reader.uint16('keep alive'),
    clientId: '',
  }
  if (level & BRIDGE) packet.bridgeMode = true
  if (protocolVersion === 5) readConnectProperties(reader, packet)
  // The payload is in this order [MQTT-3.1.3-1]
  packet.clientId = reader.string('client identifier')
  if (flags & Flag.will) packet.will = readWill(reader, flags)
  if (flags & Flag.userName) packet.username = reader.string('user name')
  if (flags & Flag.password) packet.password = reader.binary('password')
  return packet
}

/** [MQTT-3.1.2-1] [MQTT-3.1.2-2] */
function versionOf(reader: WireReader, protocolId: string, level: number): ProtocolVersion {
  const base = level & ~BRIDGE
  // An unsupported version is refused in the nearest dialect; the old name has never been one of 5.0
  reader.protocolVersion = base >= 5 && protocolId !== 'MQIsdp' ? 5 : 4
  if (protocolId === 'MQTT' && (level === 4 || level === 5 || level === (4 | BRIDGE))) return reader.protocolVersion
  if (protocolId === 'MQIsdp' && base === 3) {
    reader.protocolVersion = 3
    return 3
  }
  throw new AnaxError('ANAX_ERR_PROTOCOL_VERSION', { detail: `'${protocolId}' level ${level}` })
}

function connectFlags(reader: WireReader): number {
  const flags = reader.uint8('connect flags')
  if (flags & Flag.reserved) throw reader.malformed('reserved connect flag set') // [MQTT-3.1.2-3]
  if (flags & Flag.will) {
    if ((flags & Flag.willQoS) === Flag.willQoS) throw reader.malformed('will QoS 3')
  } else if (flags & (Flag.willQoS | Flag.willRetain)) {
    throw reader.malformed('will QoS or will retain without a will')
  }
  // Allowed since 5.0; before that [MQTT-3.1.2-22]
  if (reader.protocolVersion !== 5 && flags & Flag.password && !(flags & Flag.userName)) {
    throw reader.malformed('password without user name')
  }
  return flags
}

function readConnectProperties(reader: WireReader, packet: ConnectPacket): void {
  const properties = readProperties<ConnectProperties>(reader, PacketType.CONNECT)
  if (properties === undefined) return
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw reader.protocolError('authentication data without a method')
  }
  packet.properties = properties
}

function readWill(reader: WireReader, flags: number): Will {
  const properties = reader.protocolVersion === 5 ? readProperties<WillProperties>(reader, WILL) : undefined
  const topic = reader.string('will topic')
  if (!isTopicName(topic)) throw topicNameError(reader, topic)
  const will: Will = {
    topic,
    // A will lives much longer than the chunk that contains it
    payload: Buffer.from(reader.binary('will payload')),
    qos: ((flags & Flag.willQoS) >> 3) as QoS,
    retain: (flags & Flag.willRetain) !== 0,
  }
  if (properties === undefined) return will
  if (properties.correlationData !== undefined) properties.correlationData = Buffer.from(properties.correlationData)
  will.properties = properties
  return will
}
