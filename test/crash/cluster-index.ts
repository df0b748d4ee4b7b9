/**
 * The long form of the crash test of a cluster: three nodes, three servers of NATS.
 *
 *   npm run test:cluster                           200 kills
 *   ANAX_CRASH_ROUNDS=20 npm run test:cluster      as many
 *   ANAX_CRASH_SEED=7 npm run test:cluster         the decisions of an earlier run again
 *   ANAX_CLUSTER_LOG=1 npm run test:cluster        nodes tell what happens
 */
import { runClusterCrashTest } from './cluster-run.js'
import { faultsOf } from './verdict.js'

const kills = Number(process.env.ANAX_CRASH_ROUNDS ?? 200)
const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
console.log(`cluster: ${kills} kills, ANAX_CRASH_SEED=${seed}`)
const { details, ...numbers } = await runClusterCrashTest({ seed, kills, servers: 3, nodes: 3 })
console.log(numbers)
for (const detail of details.slice(0, 20)) console.log(`  ${detail}`)
const faults = faultsOf(numbers)
if (Object.keys(faults).length > 0) {
  console.log('faults', faults)
  process.exitCode = 1
}
