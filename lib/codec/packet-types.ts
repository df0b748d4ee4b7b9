/**
 * The numbers of the fifteen control packets, who may send each of them, and with which fixed header flags.
 * Owns these tables; must not know the content of a packet.
 */
import type { ProtocolVersion } from '../../types/message/packets.js'
import { AnaxError } from '../errors.js'

/** Control packet types (2.1.2). */
export const PacketType = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const
export type PacketType = (typeof PacketType)[keyof typeof PacketType]

/** Packet type -> its name in the standard. */
export const PACKET_NAMES = ['reserved packet type 0', ...Object.keys(PacketType)] as const

/** Senders, as bits, so that a table can state both. */
export const Sender = { client: 1, broker: 2 } as const
export type Sender = (typeof Sender)[keyof typeof Sender]

const BOTH = Sender.client | Sender.broker
const { client, broker } = Sender

/** Packet type -> who may send it (2.1.2). */
const SENDERS = [
  0,
  client,
  broker,
  BOTH,
  BOTH,
  BOTH,
  BOTH,
  BOTH,
  client,
  broker,
  client,
  broker,
  client,
  broker,
  BOTH,
  BOTH,
]

/** The first byte of each packet except PUBLISH, whose flags vary [MQTT-2.2.2-1] [MQTT-2.1.3-1]. */
export function firstByte(type: PacketType): number {
  const { PUBREL, SUBSCRIBE, UNSUBSCRIBE } = PacketType
  return (type << 4) | (type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? 0b0010 : 0)
}

/** First byte -> the senders that may send it; 0 if it is invalid. */
const FIRST_BYTES = new Uint8Array(256)
for (const type of Object.values(PacketType)) FIRST_BYTES[firstByte(type)] = SENDERS[type]!
for (let flags = 0; flags < 16; flags++) {
  if (publishFlagFault(flags) === undefined) FIRST_BYTES[(PacketType.PUBLISH << 4) | flags] = BOTH
}

/** Whether the sender may send a packet that begins with this byte. A quick check before {@link firstByteError}. */
export function isFirstByte(byte: number, sender: Sender): boolean {
  return (FIRST_BYTES[byte]! & sender) !== 0
}

/** The error of a first byte that {@link isFirstByte} rejected; undefined if the version allows it. */
export function firstByteError(byte: number, sender: Sender, version: ProtocolVersion): AnaxError | undefined {
  const type = byte >> 4
  const flags = byte & 0x0f
  const name = PACKET_NAMES[type]!
  if (type === 0) return new AnaxError('ANAX_ERR_MALFORMED', { detail: name })
  if ((SENDERS[type]! & sender) === 0) {
    const who = sender === Sender.client ? 'client' : 'broker'
    return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `${name}: not a packet that a ${who} sends` })
  }
  if (type === PacketType.PUBLISH) {
    return new AnaxError('ANAX_ERR_MALFORMED', { detail: `${name}: ${publishFlagFault(flags)}` })
  }
  // MQTT 3.1 sets the DUP flag in every retransmitted packet (its section 2.1)
  if (version === 3 && flags === 0b1010 && (firstByte(type as PacketType) & 0x0f) === 0b0010) return undefined
  const bits = flags.toString(2).padStart(4, '0')
  const other = OTHER_PROTOCOLS[byte]
  const hint = other === undefined ? '' : ` (the client may speak ${other})`
  return new AnaxError('ANAX_ERR_MALFORMED', { detail: `${name}: fixed header flags ${bits}${hint}` })
}

/** First byte -> the protocol whose clients send it. */
const OTHER_PROTOCOLS: Readonly<Record<number, string>> = { 22: 'TLS', 71: 'HTTP' }

function publishFlagFault(flags: number): string | undefined {
  const qos = (flags >> 1) & 3
  if (qos === 3) return 'QoS 3' // [MQTT-3.3.1-4]
  if (qos === 0 && flags & 0b1000) return 'DUP with QoS 0' // [MQTT-3.3.1-2]
  return undefined
}
