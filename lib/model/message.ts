/**
 * Where messages come from beside the wire, and the few things that everybody needs to know of one.
 * Must not know who gets it.
 */
import type { BusMessage } from '../../types/bus.js'
import type { PublishInput } from '../../types/client.js'
import type { Message } from '../../types/message.js'
import type { Will } from '../../types/packets.js'
import type { MessageRef } from '../../types/persistence.js'
import { publishFrame } from '../codec/encode/encoder.js'
import { PublishMessage } from '../codec/publish-message.js'
import { pairsOf, userPropertiesFrom } from '../codec/user-properties.js'
import { AnaxError, textOf } from '../errors.js'
import { isTopicName, levelCount } from '../topic/topic.js'
import type { Timers } from '../util/timers.js'

const EMPTY = Buffer.alloc(0)

/** A message's identity as a key. */
export function refKey({ brokerId, brokerCounter }: MessageRef): string {
  return `${brokerId}:${brokerCounter}`
}

/** Gives a message that outlives the turn a payload of its own: a view pins the whole chunk it was cut from. */
export function keepPayload(message: Message): void {
  if (!(message instanceof PublishMessage) || message.ownsPayload) return
  message.ownsPayload = true
  message.forgetPacket()
  if (message.payload.length > 0) message.payload = Buffer.from(message.payload)
  const correlationData = message.properties?.correlationData
  if (correlationData !== undefined) message.properties!.correlationData = Buffer.from(correlationData)
}

/** A copy of a message's properties, so that who changes it changes nobody else's. */
export function ownProperties({ properties }: Message): Message['properties'] {
  if (properties === undefined) return undefined
  const { userProperties } = properties
  if (userProperties === undefined) return { ...properties }
  return { ...properties, userProperties: userPropertiesFrom(pairsOf(userProperties)) }
}

/** The seconds that a message has left, rounded up; undefined where it never expires. */
export function secondsLeft({ messageExpiry }: Message, timers: Timers): number | undefined {
  return messageExpiry === undefined ? undefined : Math.max(0, Math.ceil((messageExpiry - timers.wallTime()) / 1000))
}

/** Starts the clock of a message that has an expiry interval. */
export function startExpiry(message: PublishMessage, now: number): void {
  const interval = message.properties?.messageExpiryInterval
  if (interval !== undefined) message.messageExpiry = now + interval * 1000
}

/** A message of its own with another's content, to be numbered anew. It is for keeping, and shares what is kept. */
export function copyOf(message: Message): PublishMessage {
  keepPayload(message)
  const { topic, payload, qos, retain, properties } = message
  const copy = new PublishMessage(topic, payload, qos, retain, false, undefined, properties)
  copy.clientId = message.clientId
  copy.messageExpiry = message.messageExpiry
  copy.ownsPayload = true
  return copy
}

/** A message that another broker, or somebody else, put on the bus; undefined where it is none. */
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
  message.messageExpiry = rest.messageExpiry
  return message
}

/** What comes back from a network or a store: some write a field that has no value, and read it as null. */
export function withoutNulls<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T
}

/** The message that a will becomes. */
export function messageOfWill({ topic, payload, qos, retain, properties }: Will, clientId: string): PublishMessage {
  const { willDelayInterval: _, ...rest } = properties ?? {}
  const message = new PublishMessage(topic, payload, qos, retain, false, undefined, properties && rest)
  message.clientId = clientId
  message.ownsPayload = true
  return message
}

/**
 * The message that the host asks to publish.
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function messageOfInput(input: PublishInput, maxTopicLevels: number): PublishMessage {
  if (typeof input !== 'object' || input === null) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `a message is an object with a topic, got ${textOf(input)}` })
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
  message.ownsPayload = typeof payload === 'string'
  // written once on trial: what MQTT cannot carry is the host's error, here and now
  publishFrame(message, 5, { qos, retain, dup: false, messageExpiryInterval: rest.messageExpiryInterval })
  return message
}

function bytesOf(payload: string | Buffer): Buffer {
  const bytes = bytesFrom(payload)
  if (bytes !== undefined) return bytes
  throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `payload has to be a string or a Buffer, got ${typeof payload}` })
}

function bytesFrom(payload: unknown): Buffer | undefined {
  if (typeof payload === 'string') return Buffer.from(payload)
  if (Buffer.isBuffer(payload)) return payload
  if (payload instanceof Uint8Array) return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  return undefined
}
