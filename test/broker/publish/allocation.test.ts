/** The memory that a QoS 0 message allocates: detects an additional listener or closure. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROCESS = fileURLToPath(new URL('allocation-run.js', import.meta.url))

/**
 * A young generation that is not collected while the process measures, and a compiler on the main thread: so the number
 * is the same in every run.
 */
const FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64', '--single-threaded']

/**
 * Bytes per message, by the first major version of Node to which they apply: 3 % above the measured number. A listener
 * of `publish` adds 125 or more.
 */
const BOUNDS = [
  { from: 24, bytes: 1100 },
  { from: 22, bytes: 800 },
  { from: 0, bytes: 900 },
]

test('delivering a QoS 0 message from one client to another allocates no more memory than the measured limit', async () => {
  const major = Number.parseInt(process.versions.node, 10)
  const bound = BOUNDS.find(({ from }) => major >= from)?.bytes ?? 0
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, PROCESS])
  assert.ok(Number(stdout) > 0 && Number(stdout) <= bound, `${stdout.trim()} bytes; at most ${bound} are expected`)
})
