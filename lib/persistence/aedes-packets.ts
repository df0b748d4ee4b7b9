/**
 * Entries of a queue and incoming messages in the shape of `aedes-packet`, as the base contract hands them out:
 * fields that have no value are not there at all. Each is a copy, which its receiver may change.
 */
import type { Message } from '../../types/message.js'
import type { QueuedMessage, StoredRelease } from '../../types/persistence.js'

/** A message as a packet, with the packet id it has where it lies. */
export function toAedesPacket(message: Message, messageId: number | undefined): Message {
  const { brokerId, brokerCounter, topic, payload, qos, retain, dup, clientId, properties, messageExpiry } = message
  const packet = { cmd: 'publish', brokerId, brokerCounter, topic, payload, qos, retain, dup, messageId } as Message
  if (clientId !== undefined) packet.clientId = clientId
  if (properties !== undefined) packet.properties = properties
  if (messageExpiry !== undefined) packet.messageExpiry = messageExpiry
  return packet
}

/** An entry of a queue: a message, or what is left of it once it was released. */
export function toOutgoing({ message, packetId }: QueuedMessage): Message | StoredRelease {
  return message === undefined ? { cmd: 'pubrel', messageId: packetId! } : toAedesPacket(message, packetId)
}
