/**
 * Calls the host's hooks for sessions and connections. Hooks are compiled when they are set; a hook that fails refuses.
 * Owns the meaning of each hook's answers; must not know what follows from them.
 */

import type { HookName } from '../../../types/broker/events.js'
import type { ConnectAcceptance, ConnectRefusal, ExtendedVerdict, Hooks } from '../../../types/broker/hooks.js'
import type { AuthenticationStats } from '../../../types/broker/inspection.js'
import type { Client } from '../../../types/client/client.js'
import type { Message } from '../../../types/message/message.js'
import type { Subscription } from '../../../types/message/packets.js'
import type { MaybePromise } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { AnaxError, textOf } from '../../errors.js'
import type { Authorizer } from '../../ports/authorizer.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { ReasonCode } from '../../reason-codes.js'
import { isPromise } from '../../util/maybe-promise.js'
import { type Answer, type CallbackReading, compileGate, type GateContext } from './gate.js'
import { PendingHooks } from './pending-hooks.js'
import {
  ACCEPTED,
  authenticateVerdict,
  connectVerdict,
  extendedVerdict,
  forwardVerdict,
  packetRefusal,
  publishRefused,
  publishVerdict,
  Refusal,
  refusalOf,
  refuseSystemTopics,
  saidBy,
  subscribeVerdict,
} from './verdicts.js'

/** The meaning of one hook's answers. */
interface Reading<T> {
  /** The result when the broker stops waiting for the answer. @default a refusal */
  abandoned?: T
  /** The counters of the answers. */
  counts?: AuthenticationStats
  /** The verdict; undefined if the value is invalid. */
  verdict(value: unknown): T | Refusal | undefined
  refused(error: unknown): T
}

const readDone: CallbackReading = error => (error ? new Refusal(error) : true)
const readSuccess: CallbackReading = (error, success) => {
  if (error) return new Refusal(error)
  return typeof success === 'object' && success !== null ? success : success === true
}
const readResult: CallbackReading = (error, result) => (error ? new Refusal(error) : result)

/** Hooks that may be called for a connected client. */
const ASKED_LATER = [
  'authenticateExtended',
  'authorizePublish',
  'authorizeSubscribe',
  'authorizeForward',
  'published',
] as const satisfies readonly (keyof Hooks)[]

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
  /** The answers of `authenticate` and `authenticateExtended`. */
  readonly authentication: AuthenticationStats = { accepted: 0, refused: 0, failed: 0 }
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
        this.preConnect = hook && this.#connectGate<ConnectRefusal>('preConnect', hook, 2, connectVerdict)
      },
      authenticate: hook => {
        this.authenticate = hook && this.#connectGate('authenticate', hook, 3, authenticateVerdict)
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

  treatAlike(client: Client, record: Client): void {
    if (this.isExempt(client)) this.exempt(record)
  }

  get asksLater(): boolean {
    return ASKED_LATER.some(name => this.hooks[name] !== undefined)
  }

  /** Whether the client is one of the host's own. */
  isExempt(client: Client | null): boolean {
    return this.#exempt !== undefined && client !== null && this.#exempt.has(client)
  }

  #withoutHook(client: Client, message: PublishMessage): MaybePromise<PublishMessage | AnaxError> {
    return this.isExempt(client) ? message : refuseSystemTopics(client, message)
  }

  #connectGate<Verdict extends ConnectRefusal | ConnectAcceptance>(
    name: 'preConnect' | 'authenticate',
    hook: (...args: never[]) => unknown,
    parameters: number,
    read: (value: unknown) => Verdict | typeof ACCEPTED | Refusal | undefined,
  ) {
    const gate = compileGate(name, hook, parameters, readSuccess, this.#context)
    const counts = name === 'authenticate' ? { counts: this.authentication } : {}
    return (client: Client, ...args: unknown[]): MaybePromise<Verdict | ConnectRefusal | undefined> => {
      if (this.isExempt(client)) return undefined
      const answer = gate(client, [client, ...args])
      const verdict = this.#conclude<Verdict | ConnectRefusal | typeof ACCEPTED>(name, client, answer, {
        verdict: read,
        refused: error => ({ reasonCode: ReasonCode.NotAuthorized, ...refusalOf(error) }),
        ...counts,
      })
      return isPromise(verdict) ? verdict.then(unlessAccepted) : unlessAccepted(verdict)
    }
  }

  #extendedGate(hook: NonNullable<Hooks['authenticateExtended']>): Authorizer['authenticateExtended'] {
    const gate = compileGate('authenticateExtended', hook, 2, readResult, this.#context)
    return (client, authentication) => {
      if (this.isExempt(client)) return { result: 'success' }
      return this.#conclude('authenticateExtended', client, gate(client, [client, authentication]), {
        verdict: extendedVerdict,
        counts: this.authentication,
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
      if (this.isExempt(client)) return message
      return this.#conclude<PublishMessage | AnaxError>('authorizePublish', client, gate(client, [client, message]), {
        verdict: value => publishVerdict(value, message),
        refused: error => publishRefused(error, this.#refusedPublish),
      })
    }
  }

  #subscribeGate(hook: NonNullable<Hooks['authorizeSubscribe']>): Authorizer['authorizeSubscribe'] {
    const gate = compileGate('authorizeSubscribe', hook, 2, readResult, this.#context)
    return (client, subscription) => {
      if (this.isExempt(client)) return subscription
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
      if (this.isExempt(client)) return message
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
      return this.#failed(hook, client, error, reading, error)
    }
  }

  /**
   * Converts the answer of a hook to a verdict; an answer that is neither a verdict nor a refusal counts as a failure.
   */
  #read<T>(hook: HookName, client: Client | null, answer: Answer, reading: Reading<T>): T {
    if (answer === 'abandoned') return reading.abandoned ?? reading.refused(undefined)
    if ('failure' in answer) return this.#failed(hook, client, answer.failure, reading, saidBy(answer.cause))
    const { value } = answer
    const verdict = value instanceof Refusal ? value : reading.verdict(value)
    if (verdict instanceof Refusal) {
      if (reading.counts !== undefined) reading.counts.refused++
      return reading.refused(verdict.error)
    }
    if (verdict !== undefined) {
      if (reading.counts !== undefined && !isUnfinished(verdict)) reading.counts.accepted++
      return verdict
    }
    const error = new AnaxError('ANAX_ERR_HOOK_ANSWER', { detail: `${hook} answered ${textOf(value)}` })
    return this.#failed(hook, client, error, reading, error)
  }

  /** @param said what the answer to the client is derived from */
  #failed<T>(hook: HookName, client: Client | null, error: AnaxError, reading: Reading<T>, said: unknown): T {
    if (reading.counts !== undefined) reading.counts.failed++
    this.#events.emit('hookError', error, hook, client)
    return reading.refused(said)
  }
}

/** Whether an enhanced authentication takes another step. */
function isUnfinished(verdict: unknown): boolean {
  return (verdict as ExtendedVerdict).result === 'continue'
}

function unlessAccepted<T>(verdict: T | typeof ACCEPTED): T | undefined {
  return verdict === ACCEPTED ? undefined : (verdict as T)
}

const FORWARD_READING: Reading<Message | null> = { verdict: value => forwardVerdict(value), refused: () => null }
