/**
 * The hooks as members of the broker: the set ones, and Aedes's defaults. Owns the hooks; must not know how they are
 * called.
 */
import { EventEmitter } from 'node:events'
import type { AedesEvents, AedesHooks } from '../types.js'

export const HOOKS = [
  ...(['preConnect', 'authenticate', 'authorizePublish', 'authorizeSubscribe', 'authorizeForward'] as const),
  'published',
] as const satisfies (keyof AedesHooks)[]

const DEFAULT_HOOKS: AedesHooks = {
  preConnect: (_client, _packet, callback) => callback(null, true),
  authenticate: (_client, _username, _password, callback) => callback(null, true),
  authorizePublish: (_client, { topic }, callback) =>
    callback(topic.startsWith('$SYS/') ? new Error('$SYS/ topic is reserved') : null),
  authorizeSubscribe: (_client, subscription, callback) => callback(null, subscription),
  authorizeForward: (_client, packet) => packet,
  published: (_packet, _client, callback) => callback(null),
}

/** An emitter with the hooks of Aedes, each of which may be set at any time. */
export abstract class HookedBroker extends EventEmitter<AedesEvents> {
  readonly #hooks: AedesHooks = { ...DEFAULT_HOOKS }

  get preConnect(): AedesHooks['preConnect'] {
    return this.#hooks.preConnect
  }
  set preConnect(hook: AedesHooks['preConnect']) {
    this.setHook('preConnect', hook)
  }
  get authenticate(): AedesHooks['authenticate'] {
    return this.#hooks.authenticate
  }
  set authenticate(hook: AedesHooks['authenticate']) {
    this.setHook('authenticate', hook)
  }
  get authorizePublish(): AedesHooks['authorizePublish'] {
    return this.#hooks.authorizePublish
  }
  set authorizePublish(hook: AedesHooks['authorizePublish']) {
    this.setHook('authorizePublish', hook)
  }
  get authorizeSubscribe(): AedesHooks['authorizeSubscribe'] {
    return this.#hooks.authorizeSubscribe
  }
  set authorizeSubscribe(hook: AedesHooks['authorizeSubscribe']) {
    this.setHook('authorizeSubscribe', hook)
  }
  get authorizeForward(): AedesHooks['authorizeForward'] {
    return this.#hooks.authorizeForward
  }
  set authorizeForward(hook: AedesHooks['authorizeForward']) {
    this.setHook('authorizeForward', hook)
  }
  get published(): AedesHooks['published'] {
    return this.#hooks.published
  }
  set published(hook: AedesHooks['published']) {
    this.setHook('published', hook)
  }

  /** Makes the underlying broker call the hook from now on; does nothing for Aedes's default. */
  protected abstract install<Name extends keyof AedesHooks>(name: Name, hook: AedesHooks[Name] | undefined): void

  protected setHook<Name extends keyof AedesHooks>(name: Name, hook: AedesHooks[Name] | undefined): void {
    this.#hooks[name] = hook ?? DEFAULT_HOOKS[name]
    this.install(name, hook === DEFAULT_HOOKS[name] ? undefined : hook)
  }
}
