/**
 * Messages, releases and packet ids in the shapes of the `aedes-persistence` contract, and back.
 * Pure; must not know a store.
 */
import type { Message } from '../../../types/message.js'
import type { QueueDelivery, QueuedMessage, SentCopy, StoredRelease } from '../../../types/persistence.js'
import { withoutNulls } from '../../model/message.js'

/** An entry of a queue, as the contract's packet has it. */
export function entryOf(clientId: string, stored: Message | StoredRelease): QueuedMessage {
  const packet = readBack(stored)
  const { brokerId = '', brokerCounter = packet.messageId ?? 0 } = packet
  const ref = { brokerId, brokerCounter }
  const packetId = packet.messageId ?? undefined
  if (packet.cmd === 'pubrel')
    return { message: undefined, ref, delivery: deliveryOf(clientId, 2, false, undefined), packetId }
  const { subscriptionIdentifier, ...properties } = packet.properties ?? {}
  const message = { ...packet, ...(packet.properties && { properties }) }
  const identifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier].flat()
  return { message, ref, delivery: deliveryOf(clientId, packet.qos, packet.retain, identifiers), packetId }
}

function deliveryOf(
  clientId: string,
  qos: QueueDelivery['qos'],
  retain: boolean,
  subscriptionIdentifiers: number[] | undefined,
): QueueDelivery {
  return { clientId, qos, retain, subscriptionIdentifiers, share: undefined }
}

/** A copy as the contract stores it: one packet with all that makes it this client's. */
export function packetOf({ message, qos, retain, subscriptionIdentifiers }: SentCopy): Message {
  const { cmd, brokerId, brokerCounter, topic, payload, clientId, messageExpiry } = message
  const properties = subscriptionIdentifiers
    ? { ...message.properties, subscriptionIdentifier: [...subscriptionIdentifiers] }
    : message.properties
  const messageId = undefined
  const packet: Message = {
    cmd,
    brokerId,
    brokerCounter,
    topic,
    payload,
    qos,
    retain,
    dup: false,
    messageId,
    clientId,
    properties,
    messageExpiry,
  }
  if (message.username !== undefined) packet.username = message.username
  if (message.receivedAt !== undefined) packet.receivedAt = message.receivedAt
  return packet
}

/** What the contract wants kept of a QoS 2 message that was received: a packet, whatever is in it. */
export function incomingPacket(messageId: number): Message {
  const message: Message = {
    cmd: 'publish',
    brokerId: '',
    brokerCounter: 0,
    topic: '',
    payload: Buffer.alloc(0),
    qos: 2,
    retain: false,
    dup: false,
    messageId,
    clientId: undefined,
    properties: undefined,
    messageExpiry: undefined,
  }
  return message
}

/** What a store gives back, without the nulls of fields that have no value. */
export function readBack<T extends object>(stored: T): T {
  const packet = withoutNulls(stored) as T & { properties?: object }
  if (packet.properties !== undefined) packet.properties = withoutNulls(packet.properties)
  return packet
}
