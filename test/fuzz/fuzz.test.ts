/** The short form of `npm run fuzz`: some rounds with a seed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runs } from '../support/effort.js'
import { FuzzRun } from './fuzz-run.js'

test('clients that send arbitrary bytes do not affect others, and leave nothing behind', async () => {
  const run = new FuzzRun(7)
  await run.start()
  for (let round = 0; round < runs(10); round++) await run.round()
  await run.end()
  assert.deepEqual(run.faults, [])
  assert.ok(Object.keys(run.report.codes).length > 5)
})
