/** What a QoS 0 message costs in memory on its way: a listener or a closure that creeps in shows here. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROCESS = fileURLToPath(new URL('allocation-run.js', import.meta.url))

/** A young generation that is not collected while the process measures. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']

/** Bytes per message: 700 to 820 were measured, and 940 with a listener of `publish`. */
const BOUND = 900

test(`a QoS 0 message from one client to another allocates at most ${BOUND} bytes`, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, PROCESS])
  assert.ok(Number(stdout) > 0 && Number(stdout) <= BOUND, `${stdout.trim()} bytes`)
})
