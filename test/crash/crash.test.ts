/** The crash test with a few kills, or with many in the full run. `npm run test:crash` has longer forms. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { byEffort } from '../support/effort.js'
import { faultsOf } from './checks/findings.js'
import { runCrashTest } from './run.js'

const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
const kills = Number(process.env.ANAX_CRASH_SHORT_ROUNDS ?? byEffort({ fast: 2, normal: 2, full: 100 }))
/** Ends a test that hangs, on a slow machine as well: a kill with all that follows takes one to five seconds. */
const timeout = 110_000 + kills * 7000

// Concurrently, because most of the time they wait for processes to start.
describe('everything acknowledged survives when brokers and clients are killed', { concurrency: 2, timeout }, () => {
  for (const durability of ['commit', 'sync'] as const) {
    it(durability, async context => {
      context.diagnostic(`ANAX_CRASH_SEED=${seed}`)
      const report = await runCrashTest({ broker: 'anax', durability, seed, kills })
      assert.deepEqual(faultsOf(report), {}, `ANAX_CRASH_SEED=${seed}: ${report.details.join(', ')}`)
      assert.ok(report.published > 0 && report.kills === kills && report.clientKills > 0)
    })
  }
})
