/**
 * Creates hooks from an authenticator and an authorizer, reports denials, and caches verdicts. Owns the public object
 * `Auth`; the parts decide.
 */
import { EventEmitter } from 'node:events'
import type {
  AuthenticateExtendedHandler,
  AuthenticateHandler,
  AuthorizeForwardHandler,
  AuthorizePublishHandler,
  AuthorizeSubscribeHandler,
  PreConnectHandler,
} from '../../types/broker/hooks.js'
import type { Client } from '../../types/client/client.js'
import { AnaxError } from '../index.js'
import { type Explanation, explain, type Question } from './explain.js'
import { Admission } from './hooks/admission.js'
import { Clients } from './hooks/clients.js'
import { type Denial, DenialLog } from './hooks/denials.js'
import { Permission } from './hooks/permission.js'
import { type AuthOptions, checkOptions, clockOf, optionError } from './options.js'
import type { Parts } from './parts.js'

/** Event -> arguments. */
export interface AuthEvents {
  /** Something was denied, or would have been in a dry run. */
  denied: [denial: Denial]
  /** The reloaded configuration is in effect. */
  reloaded: [name: string]
  /** The reloaded configuration is invalid; the previous one stays in effect. */
  reloadFailed: [error: AnaxError, name: string]
  /** An error in the background, without a caller to report to. */
  failed: [error: unknown]
}

const partsOfAuth = new WeakMap<Auth, Parts>()

/** The parts of an `Auth`, for combining it with others. */
export function partsOf(auth: Auth): Parts {
  const parts = auth instanceof Auth ? partsOfAuth.get(auth) : undefined
  if (parts === undefined) throw optionError('only modules of anax/auth can be combined')
  return parts
}

/**
 * Hooks for a broker: `createBroker({ ...auth })`, or `createBroker(auth)`. The hooks that it needs are properties;
 * everything else is a method.
 */
export class Auth {
  declare readonly preConnect?: PreConnectHandler
  declare readonly authenticate?: AuthenticateHandler
  declare readonly authenticateExtended?: AuthenticateExtendedHandler
  declare readonly authorizePublish?: AuthorizePublishHandler
  declare readonly authorizeSubscribe?: AuthorizeSubscribeHandler
  declare readonly authorizeForward?: AuthorizeForwardHandler
  readonly #parts: Parts
  readonly #clients: Clients
  readonly #events = new EventEmitter<AuthEvents>()
  readonly #log: DenialLog | undefined

  constructor(parts: Parts, options: AuthOptions = {}) {
    checkOptions(options)
    if (options.deniedWill === 'refuse' && parts.authenticator === undefined) {
      throw optionError('refusing wills needs a module that authenticates clients: combine it with one')
    }
    const clock = clockOf(options)
    this.#parts = parts
    partsOfAuth.set(this, parts)
    this.#log = options.log && new DenialLog(options.log, clock)
    const tell = (denial: Denial) => this.#tell(denial)
    const permission = new Permission(parts.authorizer, { ...options, authenticator: parts.authenticator, tell })
    const admission = new Admission(parts.authenticator, { ...options, tell, permission })
    this.#clients = new Clients({
      clock,
      mayStay: entry => admission.mayStay(entry),
      limitsOf: entry => admission.limitsOf(entry),
      mayKeep: (entry, filter) => permission.mayKeep(entry, filter),
      failed: error => this.#failed(error),
    })
    const clients = this.#clients
    Object.assign(this, {
      preConnect: (client: Client) => clients.entry(client) !== undefined,
      ...(parts.authenticator && admission.hooks(clients)),
      ...(parts.authorizer && permission.hooks(clients)),
    })
    const changed = () => void clients.changed().catch(error => this.#failed(error))
    parts.authenticator?.watch?.(changed)
    if (parts.authorizer !== parts.authenticator) parts.authorizer?.watch?.(changed)
  }

  on<Name extends keyof AuthEvents>(name: Name, listener: (...args: AuthEvents[Name]) => void): this {
    ;(this.#events as EventEmitter).on(name, listener as (...args: unknown[]) => void)
    return this
  }

  off<Name extends keyof AuthEvents>(name: Name, listener: (...args: AuthEvents[Name]) => void): this {
    ;(this.#events as EventEmitter).off(name, listener as (...args: unknown[]) => void)
    return this
  }

  /**
   * Reloads files, rules and keys, then checks connected clients again: clients that are no longer valid are
   * disconnected with 0x87, and subscriptions that are no longer allowed end. Resolves when this is done.
   * @throws AnaxError ANAX_ERR_OPTION if something is invalid: the previous configuration stays in effect
   */
  async reload(): Promise<void> {
    const errors: AnaxError[] = []
    for (const part of new Set([this.#parts.authenticator, this.#parts.authorizer])) {
      if (part?.reload === undefined) continue
      try {
        await part.reload()
        this.#events.emit('reloaded', part.name)
      } catch (thrown) {
        for (const cause of thrown instanceof AggregateError ? thrown.errors : [thrown]) {
          const error = cause instanceof AnaxError ? cause : optionError(part.name, cause)
          this.#events.emit('reloadFailed', error, part.name)
          errors.push(error)
        }
      }
    }
    await this.#clients.changed()
    if (errors[0] !== undefined) throw errors[0]
  }

  /** Checks connected clients again as {@link Auth.reload} does, without reading files. */
  recheck(): Promise<void> {
    return this.#clients.changed()
  }

  /** Explains what a client would be allowed to do, and which rule decides. */
  explain(question: Question): Promise<Explanation> {
    return explain(this.#parts, question)
  }

  /** Releases timers and the resources of the modules. The hooks still work. */
  close(): void {
    this.#clients.close()
    this.#log?.close()
    this.#parts.authenticator?.close?.()
    this.#parts.authorizer?.close?.()
  }

  #tell(denial: Denial): void {
    this.#log?.add(denial)
    this.#events.emit('denied', denial)
  }

  /** An `error` event without a listener must not throw. */
  #failed(error: unknown): void {
    this.#events.emit('failed', error)
  }
}
