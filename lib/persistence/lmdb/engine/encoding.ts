/**
 * How keys and messages lie in the LMDB store: keys as bytes that sort as they should, messages as short rows.
 * Owns the format, of which the schema version tells; knows no table and no transaction.
 */
import { createHash } from 'node:crypto'
import type { Message } from '../../../../types/message.js'
import type { PublishProperties, QoS, UserProperties, WillProperties } from '../../../../types/packets.js'
import type { MessageRef, StoredWill } from '../../../../types/persistence.js'
import { payloadBytes, propertyBytes, userPropertyBytes } from '../../../codec/message-bytes.js'
import { pairsOf, userPropertiesFrom } from '../../../codec/user-properties.js'

/** Bytes of a number in a key: enough for milliseconds since the epoch, and for a million messages a second for years. */
const NUMBER_BYTES = 6
const MAX_NUMBER = 2 ** (8 * NUMBER_BYTES) - 1
/** A key of text begins with it, so that none is empty. */
const TEXT = 1
/** Longer text (LMDB allows less than MQTT does) keeps its beginning and a digest of the whole. */
const MAX_TEXT_BYTES = 1000
const DIGEST_BYTES = 64
/** As far as this, keys of text are in the order of their text. */
export const MAX_PREFIX_BYTES = MAX_TEXT_BYTES - DIGEST_BYTES

/** A key of numbers; keys sort as their numbers do, the first one first. */
export function numberKey(...numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(numbers.length * NUMBER_BYTES)
  for (let i = 0; i < numbers.length; i++) writeNumber(key, i * NUMBER_BYTES, Math.min(numbers[i]!, MAX_NUMBER))
  return key
}

/** What `writeUIntBE` does, without its checks: several keys are made for each message. */
function writeNumber(key: Buffer, at: number, number: number): void {
  const high = Math.floor(number / 0x1_0000_0000)
  key[at] = high >>> 8
  key[at + 1] = high
  key[at + 2] = number >>> 24
  key[at + 3] = number >>> 16
  key[at + 4] = number >>> 8
  key[at + 5] = number
}

/** The number at a place of a key of numbers. */
export function numberIn(key: Buffer, place: number): number {
  return key.readUIntBE(place * NUMBER_BYTES, NUMBER_BYTES)
}

/** A key of text of any length. */
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

/** The first key that may lie behind this one. */
export function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)])
}

/** What the keys of all text that begins with this one begin with. */
export function textPrefix(text: string): Buffer {
  const kept = Buffer.from(text).subarray(0, MAX_PREFIX_BYTES)
  return Buffer.concat([Buffer.from([TEXT]), kept])
}

/** The end of the range of keys that begin with a prefix of text: no text has this byte. */
export function textPrefixEnd(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.from([0xff])])
}

/** A deadline's key: by kind, then by time, then by whose it is. */
export function deadlineKey(kind: number, at: number, owner: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kind]), numberKey(Math.max(0, Math.ceil(at))), owner])
}

/** Whose deadline a key is. */
export function ownerIn(key: Buffer): Buffer {
  return key.subarray(1 + NUMBER_BYTES)
}

/** When a deadline's key says. */
export function timeIn(key: Buffer): number {
  return key.readUIntBE(1, NUMBER_BYTES)
}

/** User properties as pairs; `bare` where the object had no prototype, as those from the network have none. */
interface UserPropertiesRow {
  pairs: readonly string[]
  bare: boolean
}

type PropertiesRow = Omit<PublishProperties & WillProperties, 'userProperties'> & { userProperties?: UserPropertiesRow }

/** A message's own fields in the order of their names here. */
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

/** A message's own fields as a row; the payload is not copied. */
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

/** The identity of a message that lies in a row. */
export function refIn([brokerId, brokerCounter]: MessageRow): MessageRef {
  return { brokerId, brokerCounter }
}

/** Bytes of a message that lies in a row. */
export function bytesIn([, , , payload, , , , , properties]: MessageRow): number {
  const bytes = payloadBytes(payload)
  if (properties === null) return bytes
  return bytes + propertyBytes(properties) + userPropertyBytes(properties.userProperties?.pairs ?? [])
}

/** When a message that lies in a row expires; null for never. */
export function expiryIn(row: MessageRow): number | null {
  return row[9]
}

/** The message that lies in a row. */
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

/** Things that carry properties, with whatever other fields they came with. */
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
