/**
 * The broker's errors under the words that applications of Aedes compare: what a hook or the store has thrown is what
 * they are told; for the rest, Aedes's messages. Knows no broker.
 */
import { AnaxError, type ErrorCode } from '../index.js'

/** Code -> what Aedes says in that place. */
const MESSAGES: Partial<Record<ErrorCode, string>> = {
  ANAX_ERR_KEEP_ALIVE: 'keep alive timeout',
  ANAX_ERR_CONNECT_TIMEOUT: 'connect did not arrive in time',
  ANAX_ERR_DRAIN_TIMEOUT: 'drain timeout',
}

/** What the parser of `mqtt-packet` says, by what is wrong. */
const PROTOCOLS: readonly (readonly [RegExp, string])[] = [
  [/'MQ(TT|Isdp)' level/, 'Invalid protocol version'],
  [/ level /, 'Invalid protocolId'],
]

/** A packet before CONNECT, or a second CONNECT. */
const OUT_OF_PLACE = /before CONNECT$|^Protocol error: CONNECT /

/** Return code of CONNACK -> what Aedes says of it. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: 'unacceptable protocol version',
  2: 'identifier rejected',
  3: 'Server unavailable',
  4: 'bad user name or password',
  5: 'not authorized',
}

/** The error as an application of Aedes expects it; its `code` is Anax's where Anax made it. */
export function aedesError(error: Error): Error {
  if (!(error instanceof AnaxError)) return error
  if (error.cause instanceof Error) return aedesError(error.cause)
  if (error.code === 'ANAX_ERR_TOPIC_NAME') error.message = faultOfTopic(error.message).message
  const message = OUT_OF_PLACE.test(error.message) ? 'Invalid protocol' : (MESSAGES[error.code] ?? specific(error))
  if (message !== undefined) error.message = message
  return error
}

function specific({ code, message }: AnaxError): string | undefined {
  if (code === 'ANAX_ERR_PROTOCOL_VERSION') return PROTOCOLS.find(([pattern]) => pattern.test(message))?.[1]
  const limit = /maxInflightInbound is (\d+)/.exec(message)?.[1]
  return limit === undefined ? undefined : `maxInflightInbound exceeded: ${limit} messages await PUBREL`
}

/** What Aedes says of a topic that nobody can publish to; any text in which the topic is. */
function faultOfTopic(topic: string): Error {
  const wildcard = ['#', '+'].find(each => topic.includes(each))
  return wildcard === undefined ? tooDeep() : new Error(`${wildcard} is not allowed in PUBLISH`)
}

export function tooDeep(): Error {
  return new Error('topic has too many levels')
}

/** The same for a client that was refused with this return code. */
export function refusalError(error: Error, returnCode: number): Error {
  const told = aedesError(error)
  const isSilent = told instanceof AnaxError || told.message === ''
  if (isSilent && REFUSALS[returnCode] !== undefined) told.message = REFUSALS[returnCode]
  return Object.assign(told, { errorCode: returnCode })
}
