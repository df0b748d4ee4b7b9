/** The short form of `npm run soak`: a few hundred steps with the store in memory, counted and not timed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runs } from '../support/effort.js'
import { SoakRun } from './soak-run.js'

test('clients that do everything leave nothing behind', async () => {
  const run = await SoakRun.start('memory', 3)
  try {
    for (let cycle = 0; cycle < 2; cycle++) {
      let steps = 0
      const left = await run.cycle(() => steps++ < runs(60))
      const {
        'heap MiB': _heap,
        'buffers MiB': _buffers,
        handles: _handles,
        timers,
        listeners: _listeners,
        ...counts
      } = left
      assert.deepEqual(new Set(Object.values(counts)), new Set([0]), JSON.stringify(left))
      assert.ok(timers! <= 1, `${timers} timers`)
    }
    assert.deepEqual(run.failures, [])
  } finally {
    await run.end()
  }
})
