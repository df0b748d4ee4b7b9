/**
 * The crash test of a cluster with a few kills, or with more in the full run. `npm run test:cluster` has the long form.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { byEffort } from '../support/effort.js'
import { NO_NATS, natsServer } from '../support/programs/nats.js'
import { faultsOf } from './checks/findings.js'
import { runClusterCrashTest } from './cluster-run.js'

const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
const form = byEffort({
  fast: { kills: 0, servers: 1, nodes: 2 } as const,
  normal: { kills: 2, servers: 1, nodes: 2, clientPeaceMs: 3000 } as const,
  full: { kills: 20, servers: 3, nodes: 3 } as const,
})
const { kills } = form
const skip = natsServer === undefined ? NO_NATS : kills === 0 && 'processes are killed in npm test'

it('everything that a cluster acknowledged survives when nodes and servers are killed', {
  skip,
  timeout: 600_000,
}, async context => {
  context.diagnostic(`ANAX_CRASH_SEED=${seed}`)
  const report = await runClusterCrashTest({ seed, ...form })
  const { details, ...numbers } = report
  context.diagnostic(JSON.stringify(numbers))
  assert.deepEqual(faultsOf(report), {}, `ANAX_CRASH_SEED=${seed}: ${details.join(', ')}`)
  assert.ok(report.published > 0 && report.kills === kills)
})
