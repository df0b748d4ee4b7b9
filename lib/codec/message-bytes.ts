/**
 * What a message counts for where bytes are limited: its payload, and the properties that a client could make long.
 * Owns that sum, which is the same wherever messages are kept; must not know the limits, nor who keeps it.
 */
import type { Message } from '../../types/message.js'
import type { PublishProperties, WillProperties } from '../../types/packets.js'
import { pairsOf } from './user-properties.js'

/** What the length of a text takes: empty user properties are not free, however many there are. */
const LENGTH_BYTES = 2

/** Bytes of a message's payload and properties. */
export function messageBytes({ payload, properties }: Pick<Message, 'payload' | 'properties'>): number {
  if (!properties) return payloadBytes(payload)
  const { userProperties } = properties
  return (
    payloadBytes(payload) +
    propertyBytes(properties) +
    (userProperties === undefined ? 0 : userPropertyBytes(pairsOf(userProperties)))
  )
}

/** Bytes of a payload, also where it is text. */
export function payloadBytes(payload: Message['payload'] | string): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
}

/** Bytes of those properties that are of any length, without the user properties. */
export function propertyBytes({
  contentType,
  responseTopic,
  correlationData,
}: Omit<PublishProperties & WillProperties, 'userProperties'>): number {
  let bytes = correlationData?.length ?? 0
  if (contentType !== undefined) bytes += Buffer.byteLength(contentType)
  if (responseTopic !== undefined) bytes += Buffer.byteLength(responseTopic)
  return bytes
}

/** Bytes of user properties, given as pairs, as they are on the wire. */
export function userPropertyBytes(pairs: readonly string[]): number {
  let bytes = 0
  for (const text of pairs) bytes += LENGTH_BYTES + Buffer.byteLength(text)
  return bytes
}
