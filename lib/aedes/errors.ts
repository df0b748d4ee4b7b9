/**
 * Converts the broker's errors to the messages that applications of Aedes compare: errors of hooks and the store are
 * passed on unchanged, others get Aedes's messages. Knows no broker.
 */
import { AnaxError, type ErrorCode } from '../index.js'

/** Code -> Aedes's message. */
const MESSAGES: Partial<Record<ErrorCode, string>> = {
  ANAX_ERR_KEEP_ALIVE: 'keep alive timeout',
  ANAX_ERR_CONNECT_TIMEOUT: 'connect did not arrive in time',
  ANAX_ERR_DRAIN_TIMEOUT: 'drain timeout',
  ANAX_ERR_PACKET_TOO_LARGE: 'packet too large',
  ANAX_ERR_AUTH_METHOD: 'bad authentication method',
}

/** The messages of `mqtt-packet`'s parser, by fault. */
const PROTOCOLS: readonly (readonly [RegExp, string])[] = [
  [/'MQIsdp' level 5/, 'unacceptable protocol version'],
  [/'MQ(TT|Isdp)' level/, 'Invalid protocol version'],
  [/ level /, 'Invalid protocolId'],
]

/** The error for bytes that are not a CONNECT. */
const NO_PROTOCOL_NAME = /CONNECT: ends within the protocol name$/

/** The error for a packet before CONNECT, or a second CONNECT. */
const OUT_OF_PLACE = /before CONNECT$|^Protocol error: CONNECT /

/** The codec's name of a property -> Aedes's name. */
const PROPERTIES: readonly (readonly [RegExp, string])[] = [
  [/\breceiveMaximum\b/, 'Receive Maximum'],
  [/\bsubscriptionIdentifier\b/, 'subscription identifier'],
  [/\bresponseTopic\b/, 'Response Topic'],
  [/\bsession expiry interval\b/, 'Session Expiry Interval'],
]

const TOPIC_ALIAS = /(\d+)(?:, the maximum is \d+)?$/
const UNKNOWN_TOPIC_ALIAS = /topic alias (\d+) was never defined$/
const INFLIGHT_LIMIT = /maxInflightInbound is (\d+)/

/** Return code of CONNACK -> Aedes's message. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: 'unacceptable protocol version',
  2: 'identifier rejected',
  3: 'Server unavailable',
  4: 'bad user name or password',
  5: 'not authorized',
}

/** The application's error with other properties; the application gets its own error back. */
class RephrasedError extends Error {}

/** Creates an error with more properties for the broker, without changing the application's error. */
export function rephrased<T extends object>(error: Error, properties: T): Error & T {
  return Object.assign(new RephrasedError(error.message, { cause: error }), properties)
}

/** Parts of the messages of some errors. */
export interface ErrorWords {
  topicAliasMaximum: number
}

/** The error in the form that applications of Aedes expect; its `code` is that of Anax if Anax created it. */
export function aedesError(error: Error, words: ErrorWords): Error {
  if (error instanceof RephrasedError) return error.cause as Error
  if (!(error instanceof AnaxError)) return error
  if (error.cause instanceof Error) return aedesError(error.cause, words)
  error.message = messageOf(error, words)
  return error
}

function messageOf({ code, message }: AnaxError, { topicAliasMaximum }: ErrorWords): string {
  if (OUT_OF_PLACE.test(message)) return 'Invalid protocol'
  if (NO_PROTOCOL_NAME.test(message)) return 'Cannot parse protocolId'
  if (code === 'ANAX_ERR_TOPIC_NAME') return faultOfTopic(message).message
  if (code === 'ANAX_ERR_PROTOCOL_VERSION') {
    return PROTOCOLS.find(([pattern]) => pattern.test(message))?.[1] ?? message
  }
  if (code === 'ANAX_ERR_TOPIC_ALIAS') {
    return `topic alias ${TOPIC_ALIAS.exec(message)?.[1]} is out of range (broker topicAliasMaximum is ${topicAliasMaximum})`
  }
  const unknown = UNKNOWN_TOPIC_ALIAS.exec(message)?.[1]
  if (unknown !== undefined) return `unknown topic alias ${unknown}`
  const limit = INFLIGHT_LIMIT.exec(message)?.[1]
  if (limit !== undefined) return `maxInflightInbound exceeded: ${limit} messages await PUBREL`
  return MESSAGES[code] ?? PROPERTIES.reduce((text, [pattern, name]) => text.replace(pattern, name), message)
}

/** Aedes's error for an invalid topic. */
function faultOfTopic(topic: string): Error {
  const wildcard = ['#', '+'].find(each => topic.includes(each))
  return wildcard === undefined ? tooDeep() : new Error(`${wildcard} is not allowed in PUBLISH`)
}

export function tooDeep(): Error {
  return new Error('topic has too many levels')
}

/** The error of a client that was refused with this return code. @param told the result of {@link aedesError} */
export function refusalError(told: Error, returnCode: number): Error {
  const isSilent = (told instanceof AnaxError && told.code !== 'ANAX_ERR_PROTOCOL_VERSION') || told.message === ''
  if (isSilent && REFUSALS[returnCode] !== undefined) told.message = REFUSALS[returnCode]
  return Object.assign(told, { errorCode: returnCode })
}
