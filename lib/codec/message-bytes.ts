/**
 * The size of a message for byte limits: its payload, and the properties of variable length. Owns this sum, which all
 * stores and queues use; must not know the limits.
 */
import type { Message } from '../../types/message/message.js'
import type { PublishProperties, WillProperties } from '../../types/message/packets.js'
import { pairsOf } from './user-properties.js'

/** Bytes for the length of a text, so that empty user properties count as well. */
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

/** Bytes of a payload, which may be text. */
export function payloadBytes(payload: Message['payload'] | string): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
}

/** Bytes of the properties of variable length, without the user properties. */
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

/** Bytes of user properties, given as pairs, as on the wire. */
export function userPropertyBytes(pairs: readonly string[]): number {
  let bytes = 0
  for (const text of pairs) bytes += LENGTH_BYTES + Buffer.byteLength(text)
  return bytes
}
