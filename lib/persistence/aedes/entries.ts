/**
 * Messages, releases and packet ids in the shapes of the `aedes-persistence` contract, and back.
 * Pure; must not know a store.
 */
import type { Message } from '../../../types/message.js'
import type { QueueDelivery, QueuedMessage, SentCopy, StoredRelease } from '../../../types/persistence.js'
import { withoutNulls } from '../../model/message.js'

/** An entry of a queue, as the contract's packets have it. */
export type StoredEntry = Message | StoredRelease

/** The largest packet id. Those above mark an entry that was about to be removed when the process ended. */
const MAX_PACKET_ID = 65_535

/** Stands between the broker's id and the client's; the ids themselves are written without it. */
const SEPARATOR = '@'

/**
 * What a store is told as the broker's id of one session's copy of a message. Stores keep one record for each broker's
 * id and number, whoever it is queued for; some put colons around the two and look for them.
 */
export function identityOf(brokerId: string, clientId: string): string {
  return `${encodeURIComponent(brokerId)}${SEPARATOR}${encodeURIComponent(clientId)}`
}

/** The broker's id in it; undefined for an entry that something else wrote. */
function brokerIdIn(identity: string, clientId: string): string | undefined {
  const suffix = `${SEPARATOR}${encodeURIComponent(clientId)}`
  return identity.endsWith(suffix) ? decodeURIComponent(identity.slice(0, -suffix.length)) : undefined
}

/**
 * An entry of a queue, read.
 * @returns as well whether others may share its record: something else wrote it
 */
export function entryOf(clientId: string, stored: StoredEntry): { entry: QueuedMessage; isShared: boolean } {
  const packet = readBack(stored)
  const own = brokerIdIn(packet.brokerId ?? '', clientId)
  const brokerId = own ?? packet.brokerId ?? ''
  // there are stores that read the number out of a key
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
