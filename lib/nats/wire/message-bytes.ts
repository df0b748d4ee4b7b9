/**
 * Encodes a message as bytes: four bytes with the length of a head in JSON, the head, the payload. Owns the format;
 * must not know subjects, except that a topic may be too long for one.
 */
import type { Message } from '../../../types/message/message.js'
import type { PublishProperties, QoS } from '../../../types/message/packets.js'

/** Maximum bytes of a head without topic, properties and client identifier. */
export const HEAD_BYTES = 256

interface Head {
  /** QoS; 0 if it is missing. */
  q?: QoS
  r?: true
  clientId?: string
  /** Properties without correlation data. */
  p?: PublishProperties
  /** Correlation data in base64. */
  d?: string
  expiry?: number
  topic?: string
  /** Of a QoS 0 message: the node that sent it, and its number there. */
  from?: string
  n?: number
}

/** The origin of a QoS 0 message. */
export interface Origin {
  readonly node: string
  readonly count: number
}

/** @param hasLongTopic whether the topic is too long for the subject */
export function messageBytes(message: Message, hasLongTopic: 'long' | 'short', origin?: Origin): Buffer {
  const head = JSON.stringify(headOf(message, hasLongTopic, origin))
  const length = Buffer.byteLength(head)
  const bytes = Buffer.allocUnsafe(4 + length + message.payload.length)
  bytes.writeUInt32BE(length)
  bytes.write(head, 4, 'utf8')
  message.payload.copy(bytes, 4 + length)
  return bytes
}

function headOf(message: Message, hasLongTopic: 'long' | 'short', origin: Origin | undefined): Head {
  const { qos, retain, clientId, properties, messageExpiry, topic } = message
  const head: Head = {}
  if (qos > 0) head.q = qos
  if (retain) head.r = true
  if (clientId !== undefined) head.clientId = clientId
  if (properties !== undefined) {
    const { correlationData, ...rest } = properties
    head.p = rest
    if (correlationData !== undefined) head.d = correlationData.toString('base64')
  }
  if (messageExpiry !== undefined) head.expiry = messageExpiry
  if (hasLongTopic === 'long') head.topic = topic
  if (origin !== undefined) {
    head.from = origin.node
    head.n = origin.count
  }
  return head
}

/** @param topic undefined if the message itself has it */
export function messageFrom(
  bytes: Uint8Array,
  topic: string | undefined,
): { message: Message; origin: Origin | undefined } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = buffer.readUInt32BE(0)
  const head = JSON.parse(buffer.toString('utf8', 4, 4 + length)) as Head
  const message: Message = {
    cmd: 'publish',
    brokerId: '',
    brokerCounter: 0,
    topic: topic ?? head.topic ?? '',
    payload: buffer.subarray(4 + length),
    qos: head.q ?? 0,
    retain: head.r === true,
    dup: false,
    messageId: undefined,
    clientId: head.clientId,
    properties: propertiesOf(head),
    messageExpiry: head.expiry,
  }
  return { message, origin: head.from === undefined ? undefined : { node: head.from, count: head.n ?? 0 } }
}

function propertiesOf({ p, d }: Head): PublishProperties | undefined {
  if (p === undefined) return undefined
  return d === undefined ? p : { ...p, correlationData: Buffer.from(d, 'base64') }
}
