/** Packets as bytes, from hexadecimal text: valid ones, and invalid ones that no encoder writes. */
import assert from 'node:assert/strict'
import type { ConnectPacket, ProtocolVersion } from '../../types/message/packets.js'
import type { SpecClient } from './clients/spec-client.js'

/** The parts of a CONNECT; omitted ones have the usual values. */
export interface ConnectBytes {
  /** Text, with its length before it. */
  name?: string
  level?: number
  flags?: number
  keepalive?: number
  /** Hexadecimal, without the length; 5.0 only. */
  properties?: string
  /** The fields of the payload, hexadecimal. */
  payload?: readonly string[]
}

/** A CONNECT of a version. */
export function connectBytes(version: ProtocolVersion, parts: ConnectBytes = {}): string {
  const { name = version === 3 ? 'MQIsdp' : 'MQTT', level = version, flags = 0x02, keepalive = 0 } = parts
  const { properties = '', payload = [textField('raw')] } = parts
  const listed = level === 5 ? propertyList(properties) : ''
  return packetBytes(0x10, textField(name), byte(level), byte(flags), uint16(keepalive), listed, ...payload)
}

/** The properties of a 5.0 packet with their length; nothing for other versions. */
export function propertiesOf(version: ProtocolVersion, properties = ''): string {
  return version === 5 ? propertyList(properties) : ''
}

function propertyList(properties: string): string {
  return `${length(bytesIn(properties))} ${properties}`
}

/** A packet: the first byte, the remaining length, the content. */
export function packetBytes(first: number, ...content: string[]): string {
  const rest = content.join(' ')
  return `${byte(first)} ${length(bytesIn(rest))} ${rest}`
}

/** A string (or binary data) with its length before it. */
export function textField(text: string | Buffer): string {
  const bytes = Buffer.from(text as string)
  return `${uint16(bytes.length)} ${bytes.toString('hex')}`
}

/** Bytes, given in hexadecimal, with their length before them. */
export function hexField(hex: string): string {
  return `${uint16(bytesIn(hex))} ${hex}`
}

export function byte(value: number): string {
  return value.toString(16).padStart(2, '0')
}

export function uint16(value: number): string {
  return value.toString(16).padStart(4, '0')
}

/** A Variable Byte Integer. */
function length(value: number): string {
  return value < 0x80 ? byte(value) : `${byte((value & 0x7f) | 0x80)} ${length(value >> 7)}`
}

function bytesIn(hex: string): number {
  return hex.replaceAll(/\s/g, '').length / 2
}

/** Records the bytes that a client receives. */
export function recordBytes(client: SpecClient): { take(): string } {
  const chunks: Buffer[] = []
  client.stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { take: () => Buffer.concat(chunks.splice(0)).toString('hex') }
}

/**
 * The connection is refused: CONNACK with the reason code (5.0) or the return code (3.1, 3.1.1; no CONNACK if the
 * version has no code for it), session present 0, and the end of the connection.
 */
export async function expectRefusal(client: SpecClient, reasonCode: number, returnCode?: number): Promise<void> {
  const code = client.version === 5 ? { reasonCode } : { returnCode }
  const packets = await client.closed()
  if (client.version !== 5 && returnCode === undefined) {
    assert.deepEqual(packets, [])
    return
  }
  assert.equal(packets.length, 1, JSON.stringify(packets))
  const { properties: _, ...connack } = packets[0] as ConnackLike
  assert.deepEqual(connack, { cmd: 'connack', sessionPresent: false, ...code })
}

type ConnackLike = { cmd: string; properties?: unknown }

/** Sends a CONNECT that must be refused, see {@link expectRefusal}. */
export async function refuse(
  client: SpecClient,
  packet: ConnectPacket | string,
  reasonCode: number,
  returnCode?: number,
): Promise<void> {
  if (typeof packet === 'string') client.sendBytes(packet)
  else client.send(packet)
  await expectRefusal(client, reasonCode, returnCode)
}
