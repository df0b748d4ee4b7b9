/**
 * The format of keys and messages in the LMDB store: keys are bytes in the right sort order, messages are arrays.
 * The schema version changes with this format. Knows no table and no transaction.
 */
import { createHash } from 'node:crypto'
import type { Message } from '../../../../types/message/message.js'
import type { PublishProperties, QoS, UserProperties, WillProperties } from '../../../../types/message/packets.js'
import type { MessageRef, StoredWill } from '../../../../types/persistence.js'
import { payloadBytes, propertyBytes, userPropertyBytes } from '../../../codec/message-bytes.js'
import { pairsOf, userPropertiesFrom } from '../../../codec/user-properties.js'

/**
 * Bytes of a number in a key: enough for milliseconds since the epoch, and for years of a million messages a second.
 */
const NUMBER_BYTES = 6
const MAX_NUMBER = 2 ** (8 * NUMBER_BYTES) - 1
/** First byte of a text key, because keys must not be empty. */
const TEXT = 1
/** LMDB allows shorter keys than MQTT allows text. Longer text is cut, and a digest of the whole is appended. */
const MAX_TEXT_BYTES = 1000
const DIGEST_BYTES = 64
/** Text keys sort like their text up to this length. */
export const MAX_PREFIX_BYTES = MAX_TEXT_BYTES - DIGEST_BYTES

/** A key of numbers. Keys sort by the first number, then by the second, and so on. */
export function numberKey(...numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(numbers.length * NUMBER_BYTES)
  for (let i = 0; i < numbers.length; i++) writeNumber(key, i * NUMBER_BYTES, Math.min(numbers[i]!, MAX_NUMBER))
  return key
}

/** Does the same as `writeUIntBE`, without its checks: several keys are created for each message. */
function writeNumber(key: Buffer, at: number, number: number): void {
  const high = Math.floor(number / 0x1_0000_0000)
  key[at] = high >>> 8
  key[at + 1] = high
  key[at + 2] = number >>> 24
  key[at + 3] = number >>> 16
  key[at + 4] = number >>> 8
  key[at + 5] = number
}

/** The number at an index of a key of numbers. */
export function numberIn(key: Buffer, place: number): number {
  return key.readUIntBE(place * NUMBER_BYTES, NUMBER_BYTES)
}

/** The key for text of any length. */
export function textKey(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  if (bytes < MAX_TEXT_BYTES) {
    const key = Buffer.allocUnsafe(bytes + 1)
    key[0] = TEXT
    key.write(text, 1)
    return key
  }
  const digest = createHash('sha256').update(text).digest('hex')
  return Buffer.concat([textPrefix(text), Buffer.from(digest)])
}

/** Whether a key of text is the whole text. */
export function isPlain(key: Buffer): boolean {
  return key.length <= MAX_TEXT_BYTES
}

/** The text of a plain key. */
export function textIn(key: Buffer): string {
  return key.toString('utf8', 1)
}

/** The first possible key after this one. */
export function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)])
}

/** The common prefix of the keys of all text that begins with this text. */
export function textPrefix(text: string): Buffer {
  const kept = Buffer.from(text).subarray(0, MAX_PREFIX_BYTES)
  return Buffer.concat([Buffer.from([TEXT]), kept])
}

/** The end of the range of keys with a prefix. No text contains its last byte. */
export function textPrefixEnd(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.from([0xff])])
}

/** The key of a deadline. Sorts by kind, then time, then owner. */
export function deadlineKey(kind: number, at: number, owner: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kind]), numberKey(Math.max(0, Math.ceil(at))), owner])
}

/** The owner in the key of a deadline. */
export function ownerIn(key: Buffer): Buffer {
  return key.subarray(1 + NUMBER_BYTES)
}

/** The time in the key of a deadline. */
export function timeIn(key: Buffer): number {
  return key.readUIntBE(1, NUMBER_BYTES)
}

/** User properties as pairs. `bare`: the object had no prototype, like those from the network. */
interface UserPropertiesRow {
  pairs: readonly string[]
  bare: boolean
}

type PropertiesRow = Omit<PublishProperties & WillProperties, 'userProperties'> & { userProperties?: UserPropertiesRow }

/** The fields of a message, in this order. */
export type MessageRow = readonly [
  brokerId: string,
  brokerCounter: number,
  topic: string,
  payload: Buffer,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  clientId: string | null,
  properties: PropertiesRow | null,
  messageExpiry: number | null,
  username?: string | null,
  receivedAt?: number | null,
]

/** The fields of a message as a row. The payload is not copied. */
export function messageRow(message: Message): MessageRow {
  const { brokerId, brokerCounter, topic, payload, qos, properties } = message
  return [
    brokerId,
    brokerCounter,
    topic,
    payload,
    qos,
    // Users of the base contract may leave the flags out.
    message.retain ?? false,
    message.dup ?? false,
    message.clientId ?? null,
    properties === undefined ? null : propertiesRow(properties),
    message.messageExpiry ?? null,
    message.username ?? null,
    message.receivedAt ?? null,
  ]
}

/** The identity of a message in a row. */
export function refIn([brokerId, brokerCounter]: MessageRow): MessageRef {
  return { brokerId, brokerCounter }
}

/** The bytes that a message in a row counts for. */
export function bytesIn([, , , payload, , , , , properties]: MessageRow): number {
  const bytes = payloadBytes(payload)
  if (properties === null) return bytes
  return bytes + propertyBytes(properties) + userPropertyBytes(properties.userProperties?.pairs ?? [])
}

/** When a message in a row expires, or null. */
export function expiryIn(row: MessageRow): number | null {
  return row[9]
}

/** The message in a row. */
export function messageOf(row: MessageRow): Message {
  const [brokerId, brokerCounter, topic, payload, qos, retain, dup, clientId, properties, messageExpiry] = row
  const message: Message = {
    cmd: 'publish',
    brokerId,
    brokerCounter,
    topic,
    payload,
    qos,
    retain,
    dup,
    messageId: undefined,
    clientId: clientId ?? undefined,
    properties: properties === null ? undefined : propertiesOf(properties),
    messageExpiry: messageExpiry ?? undefined,
  }
  // Rows of schema version 1 end before these two.
  if (typeof row[10] === 'string') message.username = row[10]
  if (typeof row[11] === 'number') message.receivedAt = row[11]
  return message
}

/** A packet with properties and any other fields. */
export type PacketRow = Record<string, unknown> & { properties?: PropertiesRow }

export function packetRow(packet: Message | StoredWill): PacketRow {
  const { properties, ...rest } = packet
  return properties === undefined ? { ...rest } : { ...rest, properties: propertiesRow(properties) }
}

export function packetOf(row: PacketRow): unknown {
  const { properties, ...rest } = row
  return properties === undefined ? rest : { ...rest, properties: propertiesOf(properties) }
}

function propertiesRow({ userProperties, ...rest }: PublishProperties & WillProperties): PropertiesRow {
  if (userProperties === undefined) return rest
  const bare = Object.getPrototypeOf(userProperties) === null
  return { ...rest, userProperties: { pairs: pairsOf(userProperties), bare } }
}

function propertiesOf({ userProperties, ...rest }: PropertiesRow): PublishProperties & WillProperties {
  if (userProperties === undefined) return rest
  const properties: UserProperties = userPropertiesFrom(userProperties.pairs)
  return { ...rest, userProperties: userProperties.bare ? properties : { ...properties } }
}
