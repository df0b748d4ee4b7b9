/**
 * Detects fake timers of a test runner. LMDB begins a transaction in its thread with the global `setImmediate`, which
 * then never comes. Owns the detection; must not know what follows from it.
 */
import { setImmediate as ownSetImmediate } from '../../../util/scheduling/set-immediate.js'

/** The global function that was last seen to work: Node.js's own, or one that wraps it, as tracing does. */
let real: unknown = ownSetImmediate

/** Whether the global `setImmediate` is a fake. A function that is not known yet is tried first. */
export function areTimersFake(): boolean | Promise<boolean> {
  const { setImmediate } = globalThis
  // without one, as in environments for web pages, LMDB uses `setTimeout`
  return setImmediate === real || setImmediate === undefined ? false : isFake(setImmediate)
}

async function isFake(setImmediate: (callback: () => void) => unknown): Promise<boolean> {
  let hasCome = false
  setImmediate(() => {
    hasCome = true
  })
  // callbacks come in the order in which they were passed to Node.js
  await new Promise<void>(resolve => ownSetImmediate(resolve))
  if (hasCome) real = setImmediate
  return !hasCome
}
