/**
 * Calls the host's hooks for sessions and connections. Hooks are compiled when they are set; a hook that fails refuses.
 * Owns the meaning of each hook's answers; must not know what follows from them.
 */
import type { Client } from '../../../types/client.js'
import type { HookName } from '../../../types/events.js'
import type { ConnectRefusal, ExtendedVerdict, Hooks } from '../../../types/hooks.js'
import type { Message } from '../../../types/message.js'
import type { PublishPacket, Subscription } from '../../../types/packets.js'
import type { MaybePromise } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { brokerReasonCode } from '../../codec/reason-code-table.js'
import { AnaxError, textOf } from '../../errors.js'
import { messageOfInput } from '../../model/message.js'
import { AcknowledgedRefusal, type Authorizer } from '../../ports/authorizer.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { ReasonCode } from '../../reason-codes.js'
import { isTopicFilter, isTopicName } from '../../topic/topic.js'
import { isPromise } from '../../util/maybe-promise.js'
import { type Answer, type CallbackReading, compileGate, type GateContext } from './gate.js'
import { PendingHooks } from './pending-hooks.js'

/** An error passed to a callback: a deliberate refusal, not a failure of the hook. */
class Refusal {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** What the answers of one hook mean. */
interface Reading<T> {
  /** The result when the broker stops waiting for the answer. @default a refusal */
  abandoned?: T
  /** The verdict; undefined if the value is invalid. */
  verdict(value: unknown): T | Refusal | undefined
  refused(error: unknown): T
}

const readDone: CallbackReading = error => (error ? new Refusal(error) : true)
const readSuccess: CallbackReading = (error, success) => (error ? new Refusal(error) : success === true)
const readResult: CallbackReading = (error, result) => (error ? new Refusal(error) : result)

/** Topics with more than 100 levels are refused before a hook is called. */
const ANY_LEVELS = Number.POSITIVE_INFINITY

export class HookAuthorizer implements Authorizer {
  preConnect: Authorizer['preConnect']
  authenticate: Authorizer['authenticate']
  authenticateExtended: Authorizer['authenticateExtended']
  authorizePublish: Authorizer['authorizePublish'] = (client, message) => this.#withoutHook(client, message)
  authorizeSubscribe: Authorizer['authorizeSubscribe']
  authorizeForward: Authorizer['authorizeForward']
  published: Authorizer['published']
  /** The hooks as the host set them. */
  readonly hooks: Hooks = {}
  readonly #events: EventSink
  readonly #context: GateContext
  readonly #refusedPublish: ResolvedOptions['refusedPublish']
  /** Clients for which no hook is called. */
  #exempt: WeakSet<Client> | undefined

  readonly #pending = new PendingHooks()

  constructor(
    events: EventSink,
    context: Omit<GateContext, 'pending'>,
    { refusedPublish }: Pick<ResolvedOptions, 'refusedPublish'>,
  ) {
    this.#events = events
    this.#context = { ...context, pending: this.#pending }
    this.#refusedPublish = refusedPublish
  }

  /** Whether a hook is on the stack now. */
  get isCalling(): boolean {
    return this.#pending.isCalling
  }

  isAsking(client: Client): boolean {
    return this.#pending.isAsking(client)
  }

  /** Stops waiting for the answers of hooks; the pending requests are refused. */
  abandonAll(): void {
    this.#pending.abandonAll()
  }

  /**
   * Sets a hook; null and undefined unset it.
   * @throws AnaxError ANAX_ERR_HOOK_STYLE
   */
  set<Name extends keyof Hooks>(name: Name, given: Hooks[Name]): void {
    const hook = given ?? undefined
    if (hook !== undefined && typeof hook !== 'function') {
      throw new AnaxError('ANAX_ERR_HOOK_STYLE', { detail: `${name} is not a function` })
    }
    const setters: { [Key in keyof Required<Hooks>]: (hook: NonNullable<Hooks[Key]> | undefined) => void } = {
      preConnect: hook => {
        this.preConnect = hook && this.#connectGate('preConnect', hook, 2)
      },
      authenticate: hook => {
        this.authenticate = hook && this.#connectGate('authenticate', hook, 3)
      },
      authenticateExtended: hook => {
        this.authenticateExtended = hook && this.#extendedGate(hook)
      },
      authorizePublish: hook => {
        this.authorizePublish = hook ? this.#publishGate(hook) : (client, message) => this.#withoutHook(client, message)
      },
      authorizeSubscribe: hook => {
        this.authorizeSubscribe = hook && this.#subscribeGate(hook)
      },
      authorizeForward: hook => {
        this.authorizeForward = hook && this.#forwardGate(hook)
      },
      published: hook => {
        this.published = hook && this.#publishedGate(hook)
      },
    }
    setters[name](hook as never)
    if (hook === undefined) delete this.hooks[name]
    else this.hooks[name] = hook
  }

  /** Exempts a client of the host from all hooks but `published`. */
  exempt(client: Client): void {
    this.#exempt ??= new WeakSet()
    this.#exempt.add(client)
  }

  #isExempt(client: Client | null): boolean {
    return this.#exempt !== undefined && client !== null && this.#exempt.has(client)
  }

  #withoutHook(client: Client, message: PublishMessage): MaybePromise<PublishMessage | AnaxError> {
    return this.#isExempt(client) ? message : refuseSystemTopics(client, message)
  }

  #connectGate(name: 'preConnect' | 'authenticate', hook: (...args: never[]) => unknown, parameters: number) {
    const gate = compileGate(name, hook, parameters, readSuccess, this.#context)
    return (client: Client, ...args: unknown[]): MaybePromise<ConnectRefusal | undefined> => {
      if (this.#isExempt(client)) return undefined
      const verdict = this.#conclude<ConnectRefusal | typeof ACCEPTED>(name, client, gate(client, [client, ...args]), {
        verdict: connectVerdict,
        refused: error => ({ reasonCode: ReasonCode.NotAuthorized, ...refusalOf(error) }),
      })
      return isPromise(verdict) ? verdict.then(unlessAccepted) : unlessAccepted(verdict)
    }
  }

  #extendedGate(hook: NonNullable<Hooks['authenticateExtended']>): Authorizer['authenticateExtended'] {
    const gate = compileGate('authenticateExtended', hook, 2, readResult, this.#context)
    return (client, authentication) => {
      if (this.#isExempt(client)) return { result: 'success' }
      return this.#conclude('authenticateExtended', client, gate(client, [client, authentication]), {
        verdict: extendedVerdict,
        refused: (error): ExtendedVerdict => ({
          result: 'refuse',
          reasonCode: ReasonCode.NotAuthorized,
          ...refusalOf(error),
        }),
      })
    }
  }

  #publishGate(hook: NonNullable<Hooks['authorizePublish']>): Authorizer['authorizePublish'] {
    const gate = compileGate('authorizePublish', hook, 2, readDone, this.#context)
    return (client, message) => {
      if (this.#isExempt(client)) return message
      return this.#conclude<PublishMessage | AnaxError>('authorizePublish', client, gate(client, [client, message]), {
        verdict: value => publishVerdict(value, message),
        refused: error => publishRefused(error, this.#refusedPublish),
      })
    }
  }

  #subscribeGate(hook: NonNullable<Hooks['authorizeSubscribe']>): Authorizer['authorizeSubscribe'] {
    const gate = compileGate('authorizeSubscribe', hook, 2, readResult, this.#context)
    return (client, subscription) => {
      if (this.#isExempt(client)) return subscription
      return this.#conclude<Subscription | AnaxError>(
        'authorizeSubscribe',
        client,
        gate(client, [client, subscription]),
        {
          verdict: value => subscribeVerdict(value, subscription),
          refused: error => new AnaxError('ANAX_ERR_SUBSCRIBE_REFUSED', packetRefusal('suback', error)),
        },
      )
    }
  }

  #forwardGate(hook: NonNullable<Hooks['authorizeForward']>): Authorizer['authorizeForward'] {
    const gate = compileGate('authorizeForward', hook, 2, readResult, this.#context)
    return (client, message) => {
      if (this.#isExempt(client)) return message
      const answer = gate(client, [client, message])
      if (isPromise(answer)) {
        const detail = 'authorizeForward has to answer at once, not with a promise'
        this.#events.emit('hookError', new AnaxError('ANAX_ERR_HOOK_ANSWER', { detail }), 'authorizeForward', client)
        return undefined
      }
      // the most frequent answer, without an allocation
      if (answer !== 'abandoned' && 'value' in answer && answer.value === true) return true
      const forwarded = this.#conclude<Message | null>('authorizeForward', client, answer, FORWARD_READING)
      return (forwarded as Message | null) ?? undefined
    }
  }

  #publishedGate(hook: NonNullable<Hooks['published']>): Authorizer['published'] {
    const gate = compileGate('published', hook, 2, readDone, this.#context)
    return (message, client) => {
      const told = this.#conclude<AnaxError | typeof ACCEPTED>('published', client, gate(client, [message, client]), {
        verdict: () => ACCEPTED,
        // the message is already published
        abandoned: ACCEPTED,
        refused: error =>
          new AnaxError('ANAX_ERR_HOOK_FAILED', { detail: 'published', ...packetRefusal('puback', error) }),
      })
      return isPromise(told) ? told.then(unlessAccepted) : unlessAccepted(told)
    }
  }

  #conclude<T>(
    hook: HookName,
    client: Client | null,
    answer: MaybePromise<Answer>,
    reading: Reading<T>,
  ): MaybePromise<T> {
    if (isPromise(answer)) return answer.then(settled => this.#conclude(hook, client, settled, reading) as T)
    try {
      return this.#read(hook, client, answer, reading)
    } catch (cause) {
      // reading the value throws
      const error = new AnaxError('ANAX_ERR_HOOK_ANSWER', { detail: hook, cause })
      this.#events.emit('hookError', error, hook, client)
      return reading.refused(error)
    }
  }

  /** From the answer of a hook to a verdict; what is neither a verdict nor a refusal is a failure. */
  #read<T>(hook: HookName, client: Client | null, answer: Answer, reading: Reading<T>): T {
    if (answer === 'abandoned') return reading.abandoned ?? reading.refused(undefined)
    if ('failure' in answer) {
      this.#events.emit('hookError', answer.failure, hook, client)
      return reading.refused(saidBy(answer.cause))
    }
    const { value } = answer
    const verdict = value instanceof Refusal ? value : reading.verdict(value)
    if (verdict instanceof Refusal) return reading.refused(verdict.error)
    if (verdict !== undefined) return verdict
    const error = new AnaxError('ANAX_ERR_HOOK_ANSWER', { detail: `${hook} answered ${textOf(value)}` })
    this.#events.emit('hookError', error, hook, client)
    return reading.refused(error)
  }
}

/** The verdict of hooks that only accept or refuse. */
const ACCEPTED = Symbol('accepted')

function unlessAccepted<T>(verdict: T | typeof ACCEPTED): T | undefined {
  return verdict === ACCEPTED ? undefined : (verdict as T)
}

/**
 * The default of `authorizePublish`: clients cannot publish below `$SYS/`, which is reserved for the broker. None is
 * cut for it: every Mosquitto bridge tells there that it is connected.
 */
const refuseSystemTopics: NonNullable<Authorizer['authorizePublish']> = (_, message) =>
  message.topic.startsWith('$SYS/')
    ? new AcknowledgedRefusal('ANAX_ERR_PUBLISH_REFUSED', { detail: '$SYS/ is reserved' })
    : message

function connectVerdict(value: unknown): typeof ACCEPTED | Refusal | undefined {
  if (value === true) return ACCEPTED
  if (value === false) return new Refusal(undefined)
  return isObject(value) ? new Refusal(value) : undefined
}

function publishVerdict(value: unknown, message: PublishMessage): PublishMessage | Refusal | undefined {
  if (value === true || value === message) return isPublishable(message) ? message : undefined
  if (value === false) return new Refusal(undefined)
  if (typeof value === 'number') return new Refusal({ reasonCode: value })
  if (isObject(value) && 'refuse' in value) return new Refusal({ ...value, reasonCode: value.refuse })
  return isObject(value) ? replaced(value as unknown as PublishPacket, message) : undefined
}

/** @param olderClients what a client before 5.0 gets where the hook does not say it */
function publishRefused(error: unknown, olderClients: ResolvedOptions['refusedPublish']): AnaxError {
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

function subscribeVerdict(value: unknown, asked: Subscription): Subscription | Refusal | undefined {
  if (value === true) return asked
  if (value === false || value === null) return new Refusal(undefined)
  if (typeof value === 'number') return new Refusal({ reasonCode: value })
  if (!isObject(value)) return undefined
  const granted = value as unknown as Subscription
  return typeof granted.topic === 'string' && isTopicFilter(granted.topic) && [0, 1, 2].includes(granted.qos)
    ? granted
    : undefined
}

const FORWARD_READING: Reading<Message | null> = { verdict: value => forwardVerdict(value), refused: () => null }

function forwardVerdict(value: unknown): Message | null | undefined {
  if (value === null || value === undefined || value === false) return null
  return isObject(value) && isPublishable(value) ? (value as unknown as Message) : undefined
}

function extendedVerdict(value: unknown): ExtendedVerdict | Refusal | undefined {
  if (!isObject(value)) return undefined
  if (value.result === 'refuse') return new Refusal(value)
  return value.result === 'continue' || value.result === 'success' ? (value as ExtendedVerdict) : undefined
}

function isObject(value: unknown): value is { topic?: unknown; result?: unknown; reasonCode?: unknown } {
  return typeof value === 'object' && value !== null
}

/** The refusal described by the properties of an error that a hook threw. Its message is only for the host. */
function saidBy(cause: unknown): unknown {
  return cause instanceof Error && !(cause instanceof AnaxError) ? { ...cause } : undefined
}

/** The answer to the client, from the properties of an error or object. */
function refusalOf(error: unknown): ConnectRefusal {
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

function packetRefusal(
  packet: 'puback' | 'suback',
  error: unknown,
): { reasonCode?: number; detail?: string; cause?: unknown } {
  const reasonCode = isObject(error) && !(error instanceof AnaxError) ? error.reasonCode : undefined
  return {
    ...(isFailure(packet, reasonCode) && { reasonCode }),
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
