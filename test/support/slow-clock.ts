/**
 * Loaded before a program (`node --import`): its clock is slower by the factor in `ANAX_TEST_SLOWNESS`, timers and time
 * of day alike, so that the machine appears faster by that factor. For tests of others that wait for 10 ms and expect
 * everything to be done by then. Knows nothing of the program.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { promisify } from 'node:util'

const FACTOR = Number(process.env.ANAX_TEST_SLOWNESS ?? 1)

/** The longest delay of a timer in Node.js: a longer one would fire immediately. */
const LONGEST_MS = 2 ** 31 - 1

const require = createRequire(import.meta.url)
const timers = require('node:timers') as typeof import('node:timers')
const promises = require('node:timers/promises') as typeof import('node:timers/promises')

const stretched = (ms: unknown) => Math.min(Number(ms ?? 1) * FACTOR, LONGEST_MS)

// biome-ignore lint/suspicious/noExplicitAny: any function of timers
type Wait = (...args: any[]) => any

/** The same function with one argument, a time, multiplied. */
function slow<F extends Wait>(wait: F, position: number): F {
  const slowed: Wait = (...args) => {
    if (args.length > position) args[position] = stretched(args[position])
    return wait(...args)
  }
  return slowed as F
}

promises.setTimeout = slow(promises.setTimeout, 0)
promises.setInterval = slow(promises.setInterval, 0)
for (const name of ['setTimeout', 'setInterval'] as const) {
  const wait = slow(timers[name], 1)
  Object.defineProperty(wait, promisify.custom, { value: promises[name] })
  Object.assign(timers, { [name]: wait })
  Object.assign(globalThis, { [name]: wait })
}
syncBuiltinESMExports()

const slowNow = (now: () => number) => {
  const start = now()
  return () => start + (now() - start) / FACTOR
}
const [dateNow, performanceNow] = [slowNow(Date.now), slowNow(performance.now.bind(performance))]
Date.now = () => Math.floor(dateNow())
performance.now = performanceNow
