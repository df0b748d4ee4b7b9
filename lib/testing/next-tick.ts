/**
 * Refuses to wait for streams that stand still, because the fake timers of a test runner have replaced
 * `process.nextTick`, as Jest's do by default. Owns the detection and its message.
 */
import { AnaxError } from '../index.js'

// saved before a test runner replaces the timers
const { setImmediate: afterTurn } = globalThis

/** The function that was last seen to work. */
let real = process.nextTick

/** @throws AnaxError ANAX_ERR_ARGUMENT if `process.nextTick` is a fake */
export async function expectRealNextTick(): Promise<void> {
  const { nextTick } = process
  if (nextTick === real) return
  let hasCome = false
  nextTick(() => {
    hasCome = true
  })
  await new Promise<void>(resolve => afterTurn(resolve))
  if (hasCome) real = nextTick
  else throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: WHAT })
}

const WHAT =
  'process.nextTick is a fake, and streams need the real one: ' +
  "with Jest, call jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })"
