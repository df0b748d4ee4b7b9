/** The type of the rows in the golden tables, and helpers for them. */
import type { Packet, ProtocolVersion } from '../../../types/message/packets.js'
import type { Side } from '../support.js'

export interface Golden {
  name: string
  version: ProtocolVersion
  /** The side that reads it. */
  side: Side
  bytes: Buffer
  packet: Packet
  /** Set if the encoder chooses another of several equivalent forms. */
  encodes?: 'to a shorter form'
}

export const V3: ProtocolVersion[] = [3, 4]
export const ALL: ProtocolVersion[] = [3, 4, 5]

export function each(versions: ProtocolVersion[], golden: Omit<Golden, 'version'>): Golden[] {
  return versions.map(version => ({ ...golden, version }))
}

export const text = (value: string) => Buffer.from(value)
