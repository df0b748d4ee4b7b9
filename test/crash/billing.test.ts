/** A short run of the billing example: it loses no charge. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { byEffort } from '../support/effort.js'

const EXAMPLE = fileURLToPath(new URL('../../examples/billing/index.js', import.meta.url))

/** It waits for as long as charges arrive: this only ends a test that hangs, on a slow machine as well. */
const timeout = byEffort({ fast: 100_000, normal: 100_000, full: 600_000 })

test('billing loses no charge and counts none twice', { timeout }, async () => {
  const env = { ...process.env, SECONDS: byEffort({ fast: '2', normal: '2', full: '30' }) }
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], { env })
  const [, sent] = /sent (\d+) cents/.exec(stdout) ?? []
  assert.ok(Number(sent) > 0)
  const charged = [...stdout.matchAll(/^(\w+): (charged .*);/gm)].map(([, who, what]) => [who, what])
  const all = `charged ${sent} cents, missing 0, doubled 0`
  assert.deepEqual(charged, [
    ['ledger', all],
    ['audit', all],
    ['clerks', all],
  ])
})
