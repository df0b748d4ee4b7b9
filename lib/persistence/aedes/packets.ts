/**
 * What the base contract requires of every store: queue entries and incoming messages in the shape of `aedes-packet`
 * (fields without a value are absent; each is a copy that the caller may change), no limits, and the error for unknown
 * packets.
 */
import type { Message } from '../../../types/message/message.js'
import type { QueuedMessage, QueuePolicy, StoredRelease } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'

/** The base contract has no limits. */
export const UNLIMITED: QueuePolicy = {
  limitsOf: () => ({ maxMessages: Infinity, maxBytes: Infinity, overflow: 'drop-newest' }),
  maxTotalBytes: Infinity,
}

/** Converts a message to a packet with the given packet id. */
export function toAedesPacket(message: Message, messageId: number | undefined): Message {
  const { brokerId, brokerCounter, topic, payload, qos, retain, dup, clientId, properties, messageExpiry } = message
  const packet = { cmd: 'publish', brokerId, brokerCounter, topic, payload, qos, retain, dup, messageId } as Message
  if (clientId !== undefined) packet.clientId = clientId
  if (message.username !== undefined) packet.username = message.username
  if (message.receivedAt !== undefined) packet.receivedAt = message.receivedAt
  if (properties !== undefined) packet.properties = properties
  if (messageExpiry !== undefined) packet.messageExpiry = messageExpiry
  return packet
}

/** A queue entry: a message, or a PUBREL after its release. */
export function toOutgoing({ message, packetId }: QueuedMessage): Message | StoredRelease {
  return message === undefined ? { cmd: 'pubrel', messageId: packetId! } : toAedesPacket(message, packetId)
}

/** The error for an unknown packet id. */
export function noSuchPacket(): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: 'no such packet' })
}
