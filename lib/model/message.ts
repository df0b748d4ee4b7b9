/**
 * Creates messages that do not come from the wire (of the host, wills, of other brokers), and answers what every layer
 * asks: key, expiry, copies. Must not know the receivers.
 */
import type { BusMessage } from '../../types/bus.js'
import type { PublishInput } from '../../types/client/client.js'
import type { Message } from '../../types/message/message.js'
import type { MessageRef, StoredWill } from '../../types/persistence.js'
import { publishFrame } from '../codec/encode/encoder.js'
import { markPayloadOwned, ownPayload, PublishMessage } from '../codec/publish-message.js'
import { pairsOf, userPropertiesFrom } from '../codec/user-properties.js'
import { AnaxError, textOf } from '../errors.js'
import { isTopicName, levelCount } from '../topic/topic.js'
import type { Timers } from '../util/scheduling/timers.js'

const EMPTY = Buffer.alloc(0)

/** A message's identity as a key. */
export function refKey({ brokerId, brokerCounter }: MessageRef): string {
  return `${brokerId}:${brokerCounter}`
}

/** Makes sure that a message that outlives the turn has a payload of its own. */
export function keepPayload(message: Message): void {
  if (message instanceof PublishMessage) ownPayload(message)
}

/** A copy of a message's properties, which can be changed without affecting others. */
export function ownProperties({ properties }: Message): Message['properties'] {
  if (properties === undefined) return undefined
  const { userProperties } = properties
  if (userProperties === undefined) return { ...properties }
  return { ...properties, userProperties: userPropertiesFrom(pairsOf(userProperties)) }
}

/** The seconds until a message expires, rounded up; undefined if it never does. */
export function secondsLeft({ messageExpiry }: Message, timers: Timers): number | undefined {
  return messageExpiry === undefined ? undefined : Math.max(0, Math.ceil((messageExpiry - timers.wallTime()) / 1000))
}

/** Sets the expiry time of a message that has an expiry interval. */
export function startExpiry(message: PublishMessage, now: number): void {
  const interval = message.properties?.messageExpiryInterval
  if (interval !== undefined) message.messageExpiry = now + interval * 1000
}

/** A new message with another's content and no number yet. Both share one payload, which is safe to keep. */
export function copyOf(message: Message): PublishMessage {
  keepPayload(message)
  const { topic, payload, qos, retain, properties } = message
  const copy = new PublishMessage(topic, payload, qos, retain, false, undefined, properties)
  copy.clientId = message.clientId
  copy.username = message.username
  copy.messageExpiry = message.messageExpiry
  markPayloadOwned(copy)
  return copy
}

/** Converts what another broker, or the application, put on the bus; undefined if it is not a valid message. */
export function adopt(foreign: BusMessage): PublishMessage | undefined {
  const {
    topic,
    payload = EMPTY,
    qos = 0,
    retain = false,
    ...rest
  } = withoutNulls<Partial<Message> & BusMessage>(foreign)
  if (typeof topic !== 'string' || !isTopicName(topic) || ![0, 1, 2].includes(qos)) return undefined
  const bytes = bytesFrom(payload)
  if (bytes === undefined) return undefined
  const properties = rest.properties && withoutNulls(rest.properties)
  const message = new PublishMessage(topic, bytes, qos, retain === true, false, undefined, properties)
  message.brokerId = rest.brokerId ?? ''
  message.brokerCounter = rest.brokerCounter ?? 0
  message.clientId = rest.clientId
  message.username = rest.username
  message.messageExpiry = rest.messageExpiry
  return message
}

/** Removes fields that are null: some buses and stores turn undefined fields into null. */
export function withoutNulls<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T
}

/** The message that a will becomes. */
export function messageOfWill(
  { topic, payload, qos, retain, properties, publisher }: StoredWill,
  clientId: string,
): PublishMessage {
  const { willDelayInterval: _, ...rest } = properties ?? {}
  const message = new PublishMessage(topic, payload, qos, retain, false, undefined, properties && rest)
  message.clientId = clientId
  message.username = publisher?.username
  markPayloadOwned(message)
  return message
}

/**
 * The message that the host asks to publish.
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function messageOfInput(input: PublishInput, maxTopicLevels: number): PublishMessage {
  if (typeof input !== 'object' || input === null) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', {
      detail: `a message is an object such as { topic, payload }, got ${textOf(input)}`,
    })
  }
  const { topic, payload = EMPTY, qos = 0, retain = false, properties } = input
  if (typeof topic !== 'string' || !isTopicName(topic)) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `topic has to be a topic name without wildcards, got ${topic}` })
  }
  if (Buffer.byteLength(topic) > 65_535 || levelCount(topic) > maxTopicLevels) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `topic is too long, or has more than ${maxTopicLevels} levels` })
  }
  if (qos !== 0 && qos !== 1 && qos !== 2) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `qos has to be 0, 1 or 2, got ${String(qos)}` })
  }
  if (typeof retain !== 'boolean') {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `retain has to be true or false, got ${textOf(retain)}` })
  }
  const { topicAlias: _alias, subscriptionIdentifier: _identifier, ...rest } = properties ?? {}
  const message = new PublishMessage(topic, bytesOf(payload), qos, retain, false, undefined, properties && rest)
  if (typeof payload === 'string') markPayloadOwned(message)
  // Encoded once as a test, so that values that MQTT cannot carry are reported to the host here.
  publishFrame(message, 5, { qos, retain, dup: false, messageExpiryInterval: rest.messageExpiryInterval })
  return message
}

function bytesOf(payload: string | Buffer): Buffer {
  const bytes = bytesFrom(payload)
  if (bytes !== undefined) return bytes
  throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `payload has to be a string or a Buffer, got ${kindOf(payload)}` })
}

function kindOf(payload: unknown): string {
  if (payload === null) return 'null'
  return typeof payload === 'object' ? 'an object: use JSON.stringify' : `a ${typeof payload}`
}

function bytesFrom(payload: unknown): Buffer | undefined {
  if (typeof payload === 'string') return Buffer.from(payload)
  if (Buffer.isBuffer(payload)) return payload
  if (payload instanceof Uint8Array) return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  return undefined
}
