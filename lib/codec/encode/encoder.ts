/**
 * Converts packets to bytes.
 * Owns the writer and the constant frames; must not know a connection.
 */
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { firstByte, PacketType } from '../packet-types.js'
import { Frame } from '../wire/frame.js'
import { refuse, WireWriter } from '../wire/wire-writer.js'
import { writeAuth, writeConnack, writeDisconnect, writePublishAnswer } from './acknowledgement.js'
import { writeConnect } from './connect.js'
import {
  type PublishContent,
  type PublishFrameOptions,
  publishByte,
  writePublish,
  writePublishFrame,
} from './publish.js'
import { writeSuback, writeSubscribe, writeUnsuback, writeUnsubscribe } from './subscribe.js'

/** Encoding is synchronous, so that all callers share one writer. */
const writer = new WireWriter()

/**
 * Encodes any packet.
 * @param version the protocol version; CONNECT uses its own
 * @throws AnaxError ANAX_ERR_ARGUMENT if the packet cannot be encoded in that version
 */
export function encode(packet: Packet, version: ProtocolVersion): Buffer {
  writer.begin(0)
  return writer.finish(writeContent(packet, version)).bytes
}

/**
 * Encodes the delivery of a message once, for all receivers with the same options.
 * The message's properties are forwarded unchanged, except those in {@link PublishFrameOptions}.
 */
export function publishFrame(message: PublishContent, version: ProtocolVersion, options: PublishFrameOptions): Frame {
  return writePublishFrame(writer, message, version, options)
}

/**
 * Successful acknowledgements and pings: the same bytes in every version, except for the packet identifier. CONNACK is
 * the one before 5.0 that accepts a client.
 */
export const frames = {
  connack: Frame.of(Buffer.from([firstByte(PacketType.CONNACK), 2, 0, 0])),
  connackPresent: Frame.of(Buffer.from([firstByte(PacketType.CONNACK), 2, 1, 0])),
  puback: answerFrame(PacketType.PUBACK),
  pubrec: answerFrame(PacketType.PUBREC),
  pubrel: answerFrame(PacketType.PUBREL),
  pubcomp: answerFrame(PacketType.PUBCOMP),
  pingreq: Frame.of(Buffer.from([firstByte(PacketType.PINGREQ), 0])),
  pingresp: Frame.of(Buffer.from([firstByte(PacketType.PINGRESP), 0])),
} as const

function answerFrame(type: PacketType): Frame {
  return Frame.of(Buffer.from([firstByte(type), 2, 0, 0]), 2)
}

/** @returns the first byte of the fixed header */
function writeContent(packet: Packet, version: ProtocolVersion): number {
  switch (packet.cmd) {
    case 'publish':
      writePublish(writer, packet, version)
      return publishByte(packet)
    case 'puback':
      writePublishAnswer(writer, packet, PacketType.PUBACK, version)
      return firstByte(PacketType.PUBACK)
    case 'pubrec':
      writePublishAnswer(writer, packet, PacketType.PUBREC, version)
      return firstByte(PacketType.PUBREC)
    case 'pubrel':
      writePublishAnswer(writer, packet, PacketType.PUBREL, version)
      return firstByte(PacketType.PUBREL)
    case 'pubcomp':
      writePublishAnswer(writer, packet, PacketType.PUBCOMP, version)
      return firstByte(PacketType.PUBCOMP)
    case 'connect':
      writeConnect(writer, packet)
      return firstByte(PacketType.CONNECT)
    case 'connack':
      writeConnack(writer, packet, version)
      return firstByte(PacketType.CONNACK)
    case 'subscribe':
      writeSubscribe(writer, packet, version)
      return firstByte(PacketType.SUBSCRIBE)
    case 'suback':
      writeSuback(writer, packet, version)
      return firstByte(PacketType.SUBACK)
    case 'unsubscribe':
      writeUnsubscribe(writer, packet, version)
      return firstByte(PacketType.UNSUBSCRIBE)
    case 'unsuback':
      writeUnsuback(writer, packet, version)
      return firstByte(PacketType.UNSUBACK)
    case 'pingreq':
      return firstByte(PacketType.PINGREQ)
    case 'pingresp':
      return firstByte(PacketType.PINGRESP)
    case 'disconnect':
      writeDisconnect(writer, packet, version)
      return firstByte(PacketType.DISCONNECT)
    case 'auth':
      writeAuth(writer, packet, version)
      return firstByte(PacketType.AUTH)
    default:
      throw refuse(`unknown packet '${String((packet as { cmd: unknown }).cmd)}'`)
  }
}
