/** The profiler within a process: it sees what the process does, and nothing of itself. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Profiler } from '../../bench/brokers/profiler.js'

const LONG_ENOUGH_MS = 100

function keepBusy(): number {
  const end = performance.now() + LONG_ENOUGH_MS
  let rounds = 0
  while (performance.now() < end) rounds++
  return rounds
}

describe('the profiler', { skip: process.platform !== 'linux' && 'reads /proc, as the whole benchmark does' }, () => {
  it('finds the file that a process spends its time in, time after time', async () => {
    const profiler = new Profiler()
    for (let time = 0; time < 2; time++) {
      await profiler.start()
      assert.ok(keepBusy() > 0)
      const { functions, presence } = await profiler.stop()
      assert.ok(functions.some(({ url }) => url === import.meta.url))
      assert.ok(functions.every(({ url }) => !url.endsWith('/brokers/profiler.js')))
      assert.ok(presence > 0)
    }
  })
})
