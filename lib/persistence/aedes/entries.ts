/**
 * Messages, releases and packet ids in the shapes of the `aedes-persistence` contract, and back.
 * Pure; must not know a store.
 */
import type { Message } from '../../../types/message/message.js'
import type { QueueDelivery, QueuedMessage, SentCopy, StoredRelease } from '../../../types/persistence.js'
import { withoutNulls } from '../../model/message.js'

/** A queue entry in the form of the contract's packets. */
export type StoredEntry = Message | StoredRelease

/** The largest packet id. Larger values mark an entry whose removal was in progress when the process ended. */
const MAX_PACKET_ID = 65_535

/** Separates the broker's id from the client's; both are percent-encoded. */
const SEPARATOR = '@'

/**
 * The broker id under which the store keeps one session's copy of a message. Stores keep one record per broker id and
 * number, for all sessions; some put colons around the two and search for them.
 */
export function identityOf(brokerId: string, clientId: string): string {
  return `${encodeURIComponent(brokerId)}${SEPARATOR}${encodeURIComponent(clientId)}`
}

/** Extracts the broker's id; undefined for an entry that other software wrote. */
function brokerIdIn(identity: string, clientId: string): string | undefined {
  const suffix = `${SEPARATOR}${encodeURIComponent(clientId)}`
  return identity.endsWith(suffix) ? decodeURIComponent(identity.slice(0, -suffix.length)) : undefined
}

/**
 * Parses a queue entry.
 * @returns also whether other sessions may share its record, because other software wrote it
 */
export function entryOf(clientId: string, stored: StoredEntry): { entry: QueuedMessage; isShared: boolean } {
  const packet = readBack(stored)
  const own = brokerIdIn(packet.brokerId ?? '', clientId)
  const brokerId = own ?? packet.brokerId ?? ''
  // some stores parse the number from a key
  const brokerCounter = Number(packet.brokerCounter ?? packet.messageId ?? 0)
  const ref = { brokerId, brokerCounter }
  const { messageId = Number.POSITIVE_INFINITY } = packet
  const packetId = messageId > MAX_PACKET_ID ? undefined : messageId
  const isShared = own === undefined
  if (packet.cmd === 'pubrel') {
    const delivery = deliveryOf(clientId, 2, false, undefined)
    return { entry: { message: undefined, ref, delivery, packetId }, isShared }
  }
  const { subscriptionIdentifier, ...properties } = packet.properties ?? {}
  const message = { ...packet, brokerId, brokerCounter, ...(packet.properties && { properties }) }
  const identifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier].flat()
  const delivery = deliveryOf(clientId, packet.qos, packet.retain, identifiers)
  return { entry: { message, ref, delivery, packetId }, isShared }
}

function deliveryOf(
  clientId: string,
  qos: QueueDelivery['qos'],
  retain: boolean,
  subscriptionIdentifiers: number[] | undefined,
): QueueDelivery {
  return { clientId, qos, retain, subscriptionIdentifiers, share: undefined }
}

/** One client's copy in the form of the contract. */
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

/** The packet that the contract requires for a received QoS 2 message; its content does not matter. */
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

/** Removes null fields from what a store returns. */
export function readBack<T extends object>(stored: T): T {
  const packet = withoutNulls(stored) as T & { properties?: object }
  if (packet.properties !== undefined) packet.properties = withoutNulls(packet.properties)
  return packet
}
