/**
 * Calls one hook of the host, in either style, and always returns an answer. A throw, a rejection, a timeout and an
 * invalid answer are failures. Must not know what the hook decides.
 */

import type { GateTrace } from '../../../types/broker/diagnostics.js'
import type { HookName } from '../../../types/broker/events.js'
import type { Client } from '../../../types/client/client.js'
import type { MaybePromise } from '../../../types/persistence.js'
import { AnaxError, textOf } from '../../errors.js'
import type { Timings } from '../../model/metering/timings.js'
import { gates } from '../../model/metering/trace-points.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Timer, type Timers } from '../../util/scheduling/timers.js'
import type { PendingHooks } from './pending-hooks.js'

/**
 * The answer of a hook: its return value or the callback's arguments, a failure, or `abandoned` if the broker stopped
 * waiting.
 */
export type Answer = { value: unknown } | { failure: AnaxError; cause: unknown } | 'abandoned'

/** Any function that the host set; its type was checked by the setter. */
// biome-ignore lint/suspicious/noExplicitAny: every function is assignable to this, but not to a type with unknown
type HookFunction = (...args: any[]) => unknown

export interface GateContext {
  timers: Timers
  /** Milliseconds; 0 for no limit. */
  timeoutMs: number
  pending: PendingHooks
  timings: Timings
}

/** Converts the arguments of a callback to the value that the other style would return. */
export type CallbackReading = (error: unknown, result: unknown) => unknown

/** A hook, compiled when it is set. Calling it never throws and never rejects. */
export type Gate = (client: Client | null, args: unknown[]) => MaybePromise<Answer>

const AsyncFunction = (async () => {}).constructor

/**
 * @param parameters number of parameters of the hook, without the callback
 * @throws AnaxError ANAX_ERR_HOOK_STYLE for a hook that mixes the styles
 */
export function compileGate(
  name: HookName,
  hook: HookFunction,
  parameters: number,
  read: CallbackReading,
  context: GateContext,
): Gate {
  if (typeof hook !== 'function') throw new AnaxError('ANAX_ERR_HOOK_STYLE', { detail: `${name} is not a function` })
  if (hook.length <= parameters) {
    return watched(name, context.timings, (client, args) => callForValue({ name, hook, client, context }, args))
  }
  if (hook instanceof AsyncFunction) {
    const detail = `${name} is async and takes a callback as well; it has to answer in one way`
    throw new AnaxError('ANAX_ERR_HOOK_STYLE', { detail })
  }
  return watched(name, context.timings, (client, args) => callWithCallback({ name, hook, client, context }, args, read))
}

/** Hooks that are called for each message: not every call of them is timed. */
const PER_MESSAGE: ReadonlySet<HookName> = new Set(['authorizePublish', 'authorizeForward', 'published'])

/** Reports each call to tracing channels and to listeners for timings, if there are any. */
function watched(name: HookName, timings: Timings, gate: Gate): Gate {
  const sampler = PER_MESSAGE.has(name) ? timings.sampler(name) : undefined
  const timedGate: Gate = (client, args) => {
    const isTimed = timings.isOn && (sampler === undefined || sampler.isDue)
    return isTimed ? timed(name, timings, gate, client, args) : gate(client, args)
  }
  return (client, args) => (gates.isOn ? traced(name, timedGate, client, args) : timedGate(client, args))
}

function traced(hook: HookName, gate: Gate, client: Client | null, args: unknown[]): MaybePromise<Answer> {
  const trace: GateTrace = { hook, client, args, error: undefined }
  const end = (answer: Answer): Answer => {
    if (answer !== 'abandoned' && 'failure' in answer) trace.error = answer.failure
    gates.end(trace)
    return answer
  }
  const answer = gates.run(trace, () => gate(client, args))
  return isPromise(answer) ? answer.then(end) : end(answer)
}

function timed(
  hook: HookName,
  timings: Timings,
  gate: Gate,
  client: Client | null,
  args: unknown[],
): MaybePromise<Answer> {
  const begun = performance.now()
  const end = (answer: Answer): Answer => {
    timings.took('hook', performance.now() - begun, { hook })
    return answer
  }
  const answer = gate(client, args)
  return isPromise(answer) ? answer.then(end) : end(answer)
}

/** One call of a hook. */
interface Call {
  name: HookName
  hook: HookFunction
  client: Client | null
  context: GateContext
}

function callForValue(call: Call, args: unknown[]): MaybePromise<Answer> {
  const { name, hook, context } = call
  try {
    const value = context.pending.call(hook, args)
    if (!isPromise(value)) return { value }
    return awaitAnswer(call, settle => {
      // a thenable that is not a promise may throw
      Promise.resolve(value).then(
        result => settle({ value: result }),
        cause => settle(failed(name, cause)),
      )
    })
  } catch (cause) {
    return failed(name, cause)
  }
}

function callWithCallback(call: Call, args: unknown[], read: CallbackReading): MaybePromise<Answer> {
  const { name, hook, context } = call
  let answer: Answer | undefined
  let settle: ((answer: Answer) => void) | undefined
  // only the first answer counts
  const conclude = (first: Answer) => {
    if (answer !== undefined) return
    answer = first
    settle?.(answer)
  }
  const callback = (error?: unknown, result?: unknown) => conclude({ value: read(error, result) })
  try {
    const returned = context.pending.call(hook, [...args, callback])
    if (isPromise(returned)) Promise.resolve(returned).catch(cause => conclude(failed(name, cause)))
  } catch (cause) {
    conclude(failed(name, cause))
  }
  if (answer !== undefined) return answer
  return awaitAnswer(call, resolve => {
    settle = resolve
  })
}

/** Waits for the answer: for `timeoutMs` at most, and until it is abandoned. Later answers are ignored. */
function awaitAnswer(
  { name, client, context }: Call,
  start: (settle: (answer: Answer) => void) => void,
): Promise<Answer> {
  const { timers, timeoutMs, pending } = context
  return new Promise(resolve => {
    const settle = (answer: Answer) => {
      timers.cancel(timer)
      pending.delete(client, abandon)
      resolve(answer)
    }
    const abandon = () => settle('abandoned')
    const timer = new Timer(() => {
      const failure = new AnaxError('ANAX_ERR_HOOK_TIMEOUT', { detail: `${name}, ${timeoutMs} ms` })
      settle({ failure, cause: failure })
    })
    if (timeoutMs > 0) timers.schedule(timer, timeoutMs)
    pending.add(client, abandon)
    start(settle)
  })
}

function failed(name: HookName, cause: unknown): Answer {
  return { failure: new AnaxError('ANAX_ERR_HOOK_FAILED', { detail: `${name}: ${textOf(cause)}`, cause }), cause }
}
