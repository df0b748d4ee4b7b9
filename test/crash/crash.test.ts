/** The short form of the crash test: a dozen kills. The long one is `npm run test:crash`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCrashTest } from './run.js'
import { faultsOf } from './verdict.js'

const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
const kills = Number(process.env.ANAX_CRASH_SHORT_ROUNDS ?? 8)

for (const durability of ['commit', 'sync'] as const) {
  test(`what was acknowledged survives that everybody is killed: ${durability}`, {
    timeout: 110_000,
  }, async context => {
    context.diagnostic(`ANAX_CRASH_SEED=${seed}`)
    const report = await runCrashTest({ broker: 'anax', durability, seed, kills })
    assert.deepEqual(faultsOf(report), {}, `ANAX_CRASH_SEED=${seed}: ${report.details.join(', ')}`)
    assert.ok(report.published > 0 && report.kills === kills && report.clientKills > 0)
  })
}
