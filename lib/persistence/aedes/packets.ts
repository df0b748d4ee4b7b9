/**
 * What the base contract asks of every store alike: entries of a queue and incoming messages in the shape of
 * `aedes-packet` (fields that have no value are not there at all; each is a copy, which its receiver may change),
 * its lack of limits, and what it says of packets it does not know.
 */
import type { Message } from '../../../types/message.js'
import type { QueuedMessage, QueuePolicy, StoredRelease } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'

/** The base contract has no limits. */
export const UNLIMITED: QueuePolicy = {
  limitsOf: () => ({ maxMessages: Infinity, maxBytes: Infinity, overflow: 'drop-newest' }),
  maxTotalBytes: Infinity,
}

/** A message as a packet, with the packet id it has where it lies. */
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

/** An entry of a queue: a message, or what is left of it once it was released. */
export function toOutgoing({ message, packetId }: QueuedMessage): Message | StoredRelease {
  return message === undefined ? { cmd: 'pubrel', messageId: packetId! } : toAedesPacket(message, packetId)
}

/** A packet id that nothing is known of. */
export function noSuchPacket(): AnaxError {
  return new AnaxError('ANAX_ERR_STORE', { detail: 'no such packet' })
}
