/**
 * Cuts packets to what their receiver accepts: what it did not ask for, and what is too large for it.
 * Owns that rule alone; must not know why a packet is sent.
 */
import type { Packet } from '../../types/packets.js'
import type { Dialect } from '../codec/dialect.js'
import { encode } from '../codec/encoder.js'

/** What the client said in CONNECT about the packets it wants. */
export interface Wishes {
  maximumPacketSize: number
  problemInformation: boolean
}

/** Packets that may explain themselves although the client asked for no problem information [MQTT-3.1.2-29]. */
const ALWAYS_EXPLAINED: ReadonlySet<string> = new Set(['connack', 'disconnect', 'publish'])

/** The bytes of a packet; undefined where even without explanations it is too large [MQTT-3.1.2-24]. */
export function fitPacket(
  packet: Packet,
  { version }: Dialect,
  { maximumPacketSize, problemInformation }: Wishes,
): Buffer | undefined {
  const wanted = problemInformation || ALWAYS_EXPLAINED.has(packet.cmd) ? packet : withoutExplanation(packet)
  const bytes = encode(wanted, version)
  if (bytes.length <= maximumPacketSize) return bytes
  const shorter = encode(withoutExplanation(packet), version)
  return shorter.length <= maximumPacketSize ? shorter : undefined
}

function withoutExplanation(packet: Packet): Packet {
  if (!('properties' in packet) || packet.properties === undefined) return packet
  const { reasonString: _reason, userProperties: _user, ...properties } = packet.properties as Record<string, unknown>
  return { ...packet, properties } as Packet
}
