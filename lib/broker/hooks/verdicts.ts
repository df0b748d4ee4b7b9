/** Interprets the answers of hooks: verdicts, refusals and invalid values. Must not call a hook. */
import type { ConnectAcceptance, ConnectRefusal, ExtendedVerdict } from '../../../types/broker/hooks.js'
import type { Message } from '../../../types/message/message.js'
import type { PublishPacket, Subscription } from '../../../types/message/packets.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { brokerReasonCode } from '../../codec/reason-code-table.js'
import { AnaxError } from '../../errors.js'
import { messageOfInput } from '../../model/message.js'
import { AcknowledgedRefusal, type Authorizer } from '../../ports/authorizer.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { ReasonCode } from '../../reason-codes.js'
import { areClientLimits } from '../../session/client-limits.js'
import { isReservedTopic, isTopicFilter, isTopicName } from '../../topic/topic.js'

/** An error passed to a callback: a deliberate refusal, not a failure of the hook. */
export class Refusal {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** Topics with more than 100 levels are refused before a hook is called. */
const ANY_LEVELS = Number.POSITIVE_INFINITY

/** The verdict of hooks that only accept or refuse. */
export const ACCEPTED = Symbol('accepted')

/**
 * The default of `authorizePublish`: clients cannot publish below `$SYS/`, which is reserved for the broker, except for
 * the state of bridges. A client that tries stays connected.
 */
export const refuseSystemTopics: NonNullable<Authorizer['authorizePublish']> = (_, message) =>
  isReservedTopic(message.topic)
    ? new AcknowledgedRefusal('ANAX_ERR_PUBLISH_REFUSED', { detail: '$SYS/ is reserved' })
    : message

export function connectVerdict(value: unknown): typeof ACCEPTED | Refusal | undefined {
  if (value === true) return ACCEPTED
  if (value === false) return new Refusal(undefined)
  return isObject(value) ? new Refusal(value) : undefined
}

/** Like {@link connectVerdict}, but also accepts an acceptance with limits. */
export function authenticateVerdict(value: unknown): typeof ACCEPTED | ConnectAcceptance | Refusal | undefined {
  if (!isObject(value) || !('accept' in value)) return connectVerdict(value)
  const { accept, limits } = value as { accept: unknown; limits?: unknown }
  return accept === true && areClientLimits(limits) ? { accept, limits } : undefined
}

export function publishVerdict(value: unknown, message: PublishMessage): PublishMessage | Refusal | undefined {
  if (value === true || value === message) return isPublishable(message) ? message : undefined
  if (value === false) return new Refusal(undefined)
  if (typeof value === 'number') return new Refusal({ reasonCode: value })
  if (isObject(value) && 'refuse' in value) return new Refusal({ ...value, reasonCode: value.refuse })
  return isObject(value) ? replaced(value as unknown as PublishPacket, message) : undefined
}

/** @param olderClients what happens to a client before 5.0 unless the hook decides it */
export function publishRefused(error: unknown, olderClients: ResolvedOptions['refusedPublish']): AnaxError {
  const said = isObject(error) && 'olderClients' in error ? error.olderClients : olderClients
  const Kind = said === 'acknowledge' ? AcknowledgedRefusal : AnaxError
  return new Kind('ANAX_ERR_PUBLISH_REFUSED', packetRefusal('puback', error))
}

/** Whether a message is still valid after a hook may have modified it. */
function isPublishable({ topic, payload, qos }: { topic?: unknown; payload?: unknown; qos?: unknown }): boolean {
  return (
    typeof topic === 'string' && isTopicName(topic) && Buffer.isBuffer(payload) && [0, 1, 2].includes(qos as number)
  )
}

/** Replaces the message with another packet, keeping QoS handshake and packet id. */
function replaced(packet: PublishPacket, message: PublishMessage): PublishMessage | undefined {
  try {
    const { topic, payload, qos, retain, properties } = packet
    const other = messageOfInput({ topic, payload, qos, retain, ...(properties && { properties }) }, ANY_LEVELS)
    other.messageId = message.messageId
    other.clientId = message.clientId
    other.username = message.username
    other.messageExpiry = message.messageExpiry
    return other
  } catch {
    return undefined
  }
}

export function subscribeVerdict(value: unknown, asked: Subscription): Subscription | Refusal | undefined {
  if (value === true) return asked
  if (value === false || value === null) return new Refusal(undefined)
  if (typeof value === 'number') return new Refusal({ reasonCode: value })
  if (!isObject(value)) return undefined
  const granted = value as unknown as Subscription
  return typeof granted.topic === 'string' && isTopicFilter(granted.topic) && [0, 1, 2].includes(granted.qos)
    ? granted
    : undefined
}

export function forwardVerdict(value: unknown): Message | null | undefined {
  if (value === null || value === undefined || value === false) return null
  return isObject(value) && isPublishable(value) ? (value as unknown as Message) : undefined
}

export function extendedVerdict(value: unknown): ExtendedVerdict | Refusal | undefined {
  if (!isObject(value)) return undefined
  if (value.result === 'refuse') return new Refusal(value)
  if ('limits' in value && value.limits !== undefined && !areClientLimits(value.limits)) return undefined
  return value.result === 'continue' || value.result === 'success' ? (value as ExtendedVerdict) : undefined
}

/** The fields of a refusal; each may have any type. */
type Said = { topic?: unknown; result?: unknown; reasonCode?: unknown; reasonString?: unknown }

const NO_REFUSAL: Said = {}

function isObject(value: unknown): value is Said {
  return typeof value === 'object' && value !== null
}

/** The refusal when a hook does not answer in time: that says nothing about the client, which may try again. */
const BUSY: Said = { reasonCode: ReasonCode.ServerBusy }

/** The refusal described by the properties of an error that a hook threw. Its message is only for the host. */
export function saidBy(cause: unknown): unknown {
  if (cause instanceof AnaxError) return cause.code === 'ANAX_ERR_HOOK_TIMEOUT' ? BUSY : undefined
  return cause instanceof Error ? { ...cause } : undefined
}

/** The answer to the client, from the properties of an error or object. */
export function refusalOf(error: unknown): ConnectRefusal {
  if (!isObject(error) || error instanceof AnaxError) return {}
  const { reasonCode, returnCode, reasonString, serverReference, userProperties } = error as ConnectRefusal
  return {
    ...(isFailure('connack', reasonCode)
      ? { reasonCode }
      : isReturnCode(returnCode) && { reasonCode: REASON_CODES[returnCode]! }),
    ...(isReturnCode(returnCode) && { returnCode }),
    ...(typeof reasonString === 'string' && { reasonString }),
    ...(typeof serverReference === 'string' && { serverReference }),
    ...(isObject(userProperties) && { userProperties }),
  }
}

/** MQTT 3.1.1 return code -> MQTT 5.0 reason code. */
const REASON_CODES: Record<number, number> = {
  1: ReasonCode.UnsupportedProtocolVersion,
  2: ReasonCode.ClientIdentifierNotValid,
  3: ReasonCode.ServerUnavailable,
  4: ReasonCode.BadUserNameOrPassword,
  5: ReasonCode.NotAuthorized,
}

export function packetRefusal(
  packet: 'puback' | 'suback',
  error: unknown,
): { reasonCode?: number; reasonString?: string; detail?: string; cause?: unknown } {
  const { reasonCode, reasonString } = isObject(error) && !(error instanceof AnaxError) ? error : NO_REFUSAL
  return {
    ...(isFailure(packet, reasonCode) && { reasonCode }),
    ...(typeof reasonString === 'string' && { reasonString }),
    ...(error instanceof Error && { detail: error.message, cause: error }),
  }
}

/** Whether a hook's code is a refusal, and one that the answer may carry; otherwise the usual code is used. */
function isFailure(packet: 'connack' | 'puback' | 'suback', reasonCode: unknown): reasonCode is number {
  return (reasonCode as number) >= 0x80 && brokerReasonCode(packet, reasonCode as number) === reasonCode
}

function isReturnCode(returnCode: unknown): returnCode is number {
  return Number.isInteger(returnCode) && (returnCode as number) in REASON_CODES
}
