/** Row 3: nodes, servers and clients are killed at random under load. The crash test does this; here its result is compared with the row. */
import assert from 'node:assert/strict'
import { faultsOf } from '../../../crash/checks/findings.js'
import { runClusterCrashTest } from '../../../crash/cluster-run.js'

export async function kills(count: number): Promise<unknown> {
  const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
  const { details, ...numbers } = await runClusterCrashTest({ seed, kills: count, servers: 3, nodes: 3 })
  assert.deepEqual(faultsOf(numbers), {}, `ANAX_CRASH_SEED=${seed}: ${details.slice(0, 20).join(', ')}`)
  return { seed, ...numbers }
}
