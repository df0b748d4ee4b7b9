/** Packets of a client as bytes, created once and written many times. Knows no socket. */

export type ProtocolVersion = 4 | 5
export type QoS = 0 | 1 | 2

/** Each payload begins with publisher, sequence number and time of sending, 4 bytes each. */
export const STAMP_BYTES = 12

function variableLength(length: number): number[] {
  const bytes = []
  do {
    const more = length > 127 ? 0x80 : 0
    bytes.push((length & 0x7f) | more)
    length >>>= 7
  } while (length > 0)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function packet(first: number, ...parts: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(parts.map(part => Buffer.from(part)))
  return Buffer.concat([Buffer.from([first, ...variableLength(body.length)]), body])
}

const word = (value: number) => [value >> 8, value & 0xff]

export interface ConnectOptions {
  clientId: string
  version: ProtocolVersion
  /** `stored`: a session that outlives its connection. */
  session: 'clean' | 'stored'
}

const KEEP_ALIVE = 300
const SESSION_EXPIRY = [0x11, 0, 0, 0x0e, 0x10]

export function connectPacket({ clientId, version, session }: ConnectOptions): Buffer {
  const flags = session === 'clean' ? 2 : 0
  const properties = session === 'stored' ? SESSION_EXPIRY : []
  return packet(
    0x10,
    text('MQTT'),
    [version, flags, ...word(KEEP_ALIVE)],
    version === 5 ? [properties.length, ...properties] : [],
    text(clientId),
  )
}

export function subscribePacket(id: number, filters: readonly string[], qos: QoS, version: ProtocolVersion): Buffer {
  const parts = filters.flatMap(filter => [text(filter), [qos]])
  return packet(0x82, word(id), version === 5 ? [0] : [], ...parts)
}

export interface PublishOptions {
  topic: string
  qos: QoS
  retain: 'retain' | 'live'
  version: ProtocolVersion
  /** Properties as bytes, without their length; MQTT 5.0 only. */
  properties: Buffer
  payload: Buffer
  packetId: number
}

/** A PUBLISH whose payload is at its end, so that it can be overwritten. */
export function publishPacket(options: PublishOptions): Buffer {
  const { topic, qos, retain, version, properties, payload, packetId } = options
  return packet(
    0x30 | (qos << 1) | (retain === 'retain' ? 1 : 0),
    text(topic),
    qos > 0 ? word(packetId) : [],
    version === 5 ? [...variableLength(properties.length)] : [],
    version === 5 ? properties : [],
    payload,
  )
}

/** Three properties, as a sensor gateway sends them: content type, message expiry, one user property. */
export const threeProperties = Buffer.concat([
  Buffer.from([0x03]),
  text('application/json'),
  Buffer.from([0x02, 0, 0, 0x0e, 0x10, 0x26]),
  text('site'),
  text('plant-7'),
])

export const PINGREQ = Buffer.from([0xc0, 0])
export const DISCONNECT = Buffer.from([0xe0, 0])
