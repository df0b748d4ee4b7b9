/**
 * `anax/testing/cluster`: the contract of a cluster engine as a test suite, for authors of engines, and an engine in
 * memory for tests of applications. Knows no particular engine.
 */
import { defineClaimTests } from './cluster/contract/claims.js'
import { defineGroupTests } from './cluster/contract/groups.js'
import { defineGuestTests } from './cluster/contract/guests.js'
import { type ClusterSuiteOptions, Harness } from './cluster/contract/harness.js'
import { defineLogTests } from './cluster/contract/log.js'
import { defineMembershipTests } from './cluster/contract/membership.js'
import { defineRetainedTests } from './cluster/contract/retained.js'
import { defineSizeTests } from './cluster/contract/sizes.js'

export type { ClusterSuiteOptions, TestEngine } from './cluster/contract/harness.js'
export { MemoryCluster, type MemoryClusterOptions } from './cluster/memory/memory-cluster.js'

/** Defines the tests of the contract for an engine. Each test has its own engine. */
export function clusterSuite(options: ClusterSuiteOptions): void {
  const harness = new Harness(options)
  // those that wait for the end of a lease begin first, for runners that run several at once
  defineMembershipTests(harness)
  defineLogTests(harness)
  defineRetainedTests(harness)
  defineClaimTests(harness)
  defineGroupTests(harness)
  defineGuestTests(harness)
  defineSizeTests(harness)
}
