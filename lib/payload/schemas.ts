/**
 * A hook that checks payloads against the schemas of their topics, and refuses or reports those that do not match. Owns
 * the rules; knows no client.
 */

import type { AuthorizePublishHandler } from '../../types/broker/hooks.js'
import type { Client } from '../../types/client/client.js'
import type { PublishPacket } from '../../types/message/packets.js'
import type { PayloadCodec, PayloadSchema } from '../../types/message/payload.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { AnaxError } from '../errors.js'
import { ReasonCode } from '../reason-codes.js'
import { isReservedTopic } from '../topic/topic.js'
import { type TopicPattern, topic } from '../topic/topic-pattern.js'
import { isPromise } from '../util/maybe-promise.js'
import { codecOf, payloadError } from './payload-codec.js'

/** A schema, and what happens to a payload that does not match it. */
export interface SchemaRule {
  /** The schema of the payload. */
  schema: PayloadSchema
  /** Whether a message with an invalid payload is refused, or only reported. @default 'refuse' */
  mode?: 'refuse' | 'report'
}

/** Options for all rules. */
export interface SchemasOptions {
  /** Called for each payload that does not match, refused or not; `client` is null for a will. */
  onInvalid?: (error: AnaxError, packet: PublishPacket, client: Client | null) => void
  /**
   * Called for messages with a valid payload or without a rule. @default allows all topics except `$SYS/`, like a
   * broker without a hook
   */
  authorizePublish?: AuthorizePublishHandler
}

interface Rule {
  pattern: TopicPattern
  codec: PayloadCodec
  isStrict: boolean
}

/**
 * Creates a hook `authorizePublish` that checks payloads. One that does not match is refused with 0x99 and a reason
 * string that names the path. All rules whose topic matches must accept the payload. An empty payload, which deletes a
 * retained message, is accepted.
 * @param rules topic, as for {@link topic}, -> schema or rule
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function schemas(
  rules: Readonly<Record<string, PayloadSchema | SchemaRule>>,
  { onInvalid, authorizePublish = keepOutOfSys }: SchemasOptions = {},
): AuthorizePublishHandler {
  const compiled = Object.entries(rules).map(([pattern, rule]) => compile(pattern, rule))

  // takes a callback, because an error passed to it is a refusal with a reason string, not a failure of the hook
  return (client, packet, callback) => {
    const isTombstone = packet.retain && packet.payload.length === 0
    const matching = isTombstone ? [] : compiled.filter(({ pattern }) => pattern.match(packet.topic) !== undefined)
    const conclude = (refused: AnaxError | undefined): unknown => {
      if (refused === undefined) return goOn(authorizePublish, client, packet, callback)
      callback(Object.assign(new Error(refused.message), { reasonCode: ReasonCode.PayloadFormatInvalid }))
      return undefined
    }
    const tell = (error: AnaxError) => onInvalid?.(error, packet, client)
    const checked = checkAll(matching, packet.payload, tell)
    // a promise only reports failures: the verdict is passed to the callback
    return (isPromise(checked) ? checked.then(conclude) : conclude(checked)) as ReturnType<AuthorizePublishHandler>
  }
}

/** The first error of a rule that refuses. Never rejects. */
function checkAll(
  rules: readonly Rule[],
  payload: Buffer,
  tell: (error: AnaxError) => void,
): MaybePromise<AnaxError | undefined> {
  const outcomes = rules.map(rule => check(rule, payload, tell))
  if (outcomes.some(isPromise)) return Promise.all(outcomes).then(settled => settled.find(error => error !== undefined))
  return (outcomes as (AnaxError | undefined)[]).find(error => error !== undefined)
}

function check(
  { codec, isStrict }: Rule,
  payload: Buffer,
  tell: (error: AnaxError) => void,
): MaybePromise<AnaxError | undefined> {
  const failed = (cause: unknown) => {
    const error = payloadError(cause)
    tell(error)
    return isStrict ? error : undefined
  }
  try {
    const value = codec.decode(payload)
    return isPromise(value) ? value.then(() => undefined, failed) : undefined
  } catch (cause) {
    return failed(cause)
  }
}

type Decided = Parameters<AuthorizePublishHandler>[2]

/** Calls the next hook, in either style, and passes on its answer. */
function goOn(
  hook: AuthorizePublishHandler,
  client: Client,
  packet: Parameters<AuthorizePublishHandler>[1],
  callback: Decided,
): unknown {
  if (hook.length > 2) return hook(client, packet, callback)
  const verdict = hook(client, packet, callback)
  if (isPromise(verdict)) return verdict.then(settled => answer(settled, packet, callback))
  return answer(verdict, packet, callback)
}

function answer(verdict: unknown, packet: object, callback: Decided): void {
  if (verdict === true) callback(null)
  else if (verdict === false) callback(new Error('not authorized'))
  else if (typeof verdict === 'number') callback(Object.assign(new Error('not authorized'), { reasonCode: verdict }))
  else if (typeof verdict === 'object' && verdict !== null) {
    if (verdict !== packet) Object.assign(packet, verdict)
    callback(null)
  } else throw new TypeError(`authorizePublish answered ${String(verdict)}`)
}

const keepOutOfSys: AuthorizePublishHandler = (_client, { topic }) => !isReservedTopic(topic)

function compile(pattern: string, rule: PayloadSchema | SchemaRule): Rule {
  const isRule = typeof rule === 'object' && 'schema' in rule && !('~standard' in rule)
  const { schema, mode = 'refuse' } = isRule ? rule : { schema: rule as PayloadSchema }
  return { pattern: topic(pattern), codec: codecOf(schema) as PayloadCodec, isStrict: mode === 'refuse' }
}
