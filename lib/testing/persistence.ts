/**
 * The contract of a store as a test suite, for authors of stores. It covers what the broker needs beyond the base
 * contract, which has its own suite in `aedes-persistence`. Knows no particular store.
 */
import { defineDetailTests } from './persistence/details.js'
import { defineDurabilityTests } from './persistence/durability.js'
import { Harness, type PersistenceSuiteOptions } from './persistence/harness.js'
import { defineLimitTests } from './persistence/limits.js'
import { defineQueueTests } from './persistence/queues.js'
import { defineRetainedTests } from './persistence/retained.js'
import { defineSessionTests } from './persistence/sessions.js'
import { defineWillTests } from './persistence/wills.js'

export type { PersistenceSuiteOptions } from './persistence/harness.js'

/** Defines the tests of the contract for a store. Tests about restarts need `reopen`. */
export function persistenceSuite(options: PersistenceSuiteOptions): void {
  const harness = new Harness(options)
  defineSessionTests(harness)
  defineQueueTests(harness)
  defineLimitTests(harness)
  defineRetainedTests(harness)
  defineWillTests(harness)
  defineDetailTests(harness, options.reopen)
  if (options.reopen !== undefined) defineDurabilityTests(harness, options.reopen)
}
