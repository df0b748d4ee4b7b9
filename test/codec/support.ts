/** Shared by the tests of the codec: readable text to bytes, and ways to push them through a decoder. */
import { type DecodedPacket, Decoder, type DecoderOptions } from '../../lib/codec/decode/decoder.js'
import type { AnaxError } from '../../lib/errors.js'
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'

export type Side = DecoderOptions['side']

/** Bytes from hexadecimal text; `#` begins a comment, and quotes hold text: `00 04 'MQTT'`. */
export function hex(text: string): Buffer {
  const parts: Buffer[] = []
  for (const line of text.split('\n')) {
    for (const token of line.match(/'[^']*'|#.*|[^\s'#]+/g) ?? []) {
      if (token.startsWith('#')) break
      parts.push(token.startsWith("'") ? Buffer.from(token.slice(1, -1)) : Buffer.from(token, 'hex'))
    }
  }
  return Buffer.concat(parts)
}

/** A whole packet from its first byte and its content; inserts the remaining length. */
export function packetOf(firstByte: number, content: string | Buffer): Buffer {
  const bytes = typeof content === 'string' ? hex(content) : content
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest)
    if (rest <= 0x7f) break
  }
  return Buffer.concat([Buffer.from([firstByte, ...length]), bytes])
}

export interface Decoded {
  packets: DecodedPacket[]
  error: AnaxError | undefined
  decoder: Decoder
}

/** Pushes the chunks one by one, and reads all packets after each. */
export function decodeChunks(chunks: Iterable<Buffer>, side: Side, version: ProtocolVersion): Decoded {
  const decoder = new Decoder({ side, protocolVersion: version })
  const packets: DecodedPacket[] = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) packets.push(packet)
  }
  return { packets, error: decoder.error, decoder }
}

export function decodeAll(bytes: Buffer, side: Side, version: ProtocolVersion): Decoded {
  return decodeChunks([bytes], side, version)
}

/** The only packet in the bytes; throws the decoder's error. */
export function decodeOne(bytes: Buffer, side: Side, version: ProtocolVersion): DecodedPacket {
  const { packets, error } = decodeAll(bytes, side, version)
  if (error !== undefined) throw error
  if (packets.length !== 1) throw new Error(`${packets.length} packets`)
  return packets[0]!
}

/** One chunk for each byte. */
export function* byteByByte(bytes: Buffer): Generator<Buffer> {
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1)
}

/**
 * A packet as a plain object without undefined fields, and without fields of a decoded PUBLISH that are not on the
 * wire: packets with the same content are deeply equal afterwards.
 */
export function plain(packet: Packet | DecodedPacket): unknown {
  if (packet.cmd !== 'publish') return normalise(packet)
  const { cmd, topic, payload, qos, retain, dup, messageId, properties } = packet
  return normalise({ cmd, topic, payload: Buffer.from(payload), qos, retain, dup, messageId, properties })
}

function normalise(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `buffer:${value.toString('hex')}`
  if (Array.isArray(value)) return value.map(normalise)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  // Object.fromEntries defines, so that `__proto__` stays a name
  return Object.fromEntries(entries.map(([name, inner]) => [name, normalise(inner)]))
}
