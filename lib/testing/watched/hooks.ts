/**
 * Wraps the hooks of a broker under test, whenever they are set: tracks pending calls, and makes hooks fail or slow on
 * request of a test. Must not know their decisions.
 */
import type { Broker, ConnectRefusal, Hooks } from '../../index.js'
import { isReservedTopic } from '../../topic/topic.js'
import type { Activity } from './activity.js'
import type { Faults } from './faults.js'

type HookName = keyof Hooks
// biome-ignore lint/suspicious/noExplicitAny: any hook is assignable to this
type AnyHook = (...args: any[]) => unknown

/** Hook -> the number of its parameters without the callback, and the default for an unset hook. */
const HOOKS: { [Name in HookName]-?: { parameters: number; unset: AnyHook } } = {
  preConnect: { parameters: 2, unset: () => true },
  authenticate: { parameters: 3, unset: () => true },
  authenticateExtended: { parameters: 2, unset: () => ({ result: 'refuse', reasonCode: 0x8c }) },
  authorizePublish: { parameters: 2, unset: (_client, { topic }: { topic: string }) => !isReservedTopic(topic) },
  authorizeSubscribe: { parameters: 2, unset: () => true },
  authorizeForward: { parameters: 2, unset: (_client, packet) => packet },
  published: { parameters: 2, unset: () => {} },
}

/** Names of all hooks. */
export const HOOK_NAMES = Object.keys(HOOKS) as HookName[]

/** Wraps all hooks that are set on a broker from now on. */
export class WatchedHooks {
  readonly #broker: Broker
  readonly #activity: Activity
  readonly #faults: Faults

  constructor(broker: Broker, activity: Activity, faults: Faults) {
    this.#broker = broker
    this.#activity = activity
    this.#faults = faults
    for (const name of HOOK_NAMES) this.#watch(name)
  }

  /** Makes the broker call a hook even if none is set, so that a fault can affect it. */
  need(name: HookName): void {
    if (this.#broker[name] === undefined) this.#setter(name)(this.#between(name, HOOKS[name].unset))
  }

  /** A test reads the hook that it set; the broker calls the wrapper. */
  #watch(name: HookName): void {
    const pass = this.#setter(name)
    let own: AnyHook | undefined
    Object.defineProperty(this.#broker, name, {
      configurable: true,
      get: () => own,
      set: (hook: AnyHook | undefined) => {
        pass(typeof hook === 'function' ? this.#between(name, hook) : hook)
        own = hook
      },
    })
  }

  #setter(name: HookName): (hook: AnyHook | undefined) => void {
    const accessor = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(this.#broker), name)
    return hook => accessor?.set?.call(this.#broker, hook)
  }

  #between(name: HookName, hook: AnyHook): AnyHook {
    if (hook.length <= HOOKS[name].parameters) return (...args) => this.#askForValue(name, () => hook(...args))
    // the broker must refuse a mixture of the styles itself
    if (hook.constructor.name === 'AsyncFunction') return hook
    const between: AnyHook = (...args) => this.#askWithCallback(name, hook, args)
    // the broker recognizes the style by the number of parameters
    return Object.defineProperty(between, 'length', { value: hook.length })
  }

  #askForValue(name: HookName, ask: () => unknown): unknown {
    const over = this.#activity.begin(`hook ${name}`)
    try {
      const answer = this.#refusal(name) ?? this.#faulty(name, ask)
      if (!isThenable(answer)) over()
      else answer.then(over, over)
      return answer
    } catch (error) {
      over()
      throw error
    }
  }

  #askWithCallback(name: HookName, hook: AnyHook, args: unknown[]): unknown {
    const over = this.#activity.begin(`hook ${name}`)
    const callback = args.at(-1) as AnyHook
    const conclude = (...answer: unknown[]) => {
      over()
      callback(...answer)
    }
    const refusal = this.#refusal(name)
    if (refusal !== undefined) return conclude(Object.assign(new Error('refused'), refusal))
    try {
      const returned = this.#faulty(name, () => hook(...args.slice(0, -1), conclude))
      if (isThenable(returned)) returned.then(undefined, over)
      return returned
    } catch (error) {
      over()
      throw error
    }
  }

  #refusal(name: HookName): ConnectRefusal | undefined {
    return name === 'preConnect' ? this.#faults.takeRefusal() : undefined
  }

  /** The answer of the hook, or the fault instead of it. */
  #faulty(name: HookName, ask: () => unknown): unknown {
    const fault = this.#faults.at(`hook:${name}`, name)
    if (fault === undefined) return ask()
    const { delayMs, error } = fault
    if (delayMs === 0) throw error
    return this.#faults.wait(delayMs).then(() => {
      if (error !== undefined) throw error
      return ask()
    })
  }
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
