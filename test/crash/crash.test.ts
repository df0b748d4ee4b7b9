/** The short form of the crash test: a dozen kills. The long one is `npm run test:crash`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCrashTest } from './run.js'

const SHORT_KILLS = 12

test('what was acknowledged survives that the broker is killed', { timeout: 110_000 }, async context => {
  const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
  const kills = Number(process.env.ANAX_CRASH_SHORT_ROUNDS ?? SHORT_KILLS)
  context.diagnostic(`ANAX_CRASH_SEED=${seed}`)
  const { missing, doubled, misordered, willsMissing, willsUnwanted, faults, published } = await runCrashTest({
    broker: 'anax',
    seed,
    kills,
  })
  assert.ok(published > 0)
  assert.deepEqual(
    { missing, doubled, misordered, willsMissing, willsUnwanted, faults },
    { missing: 0, doubled: 0, misordered: 0, willsMissing: 0, willsUnwanted: 0, faults: [] },
    `seed ${seed}`,
  )
})
