/** The profiler within a process: it sees the process's work, and not its own. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Profiler } from '../../bench/brokers/profiler.js'

/** CPU time, because on a busy machine a stretch of wall time may contain no work and no sample. */
const ENOUGH_MICROS = 100_000

/** The process is in this file between two readings of the time; a reading is a function of another file. */
const ROUNDS = 1_000_000

function keepBusy(): number {
  const before = process.cpuUsage()
  let rounds = 0
  let used = 0
  while (used < ENOUGH_MICROS) {
    for (let i = 0; i < ROUNDS; i++) rounds = (rounds * 31 + i) % 65_537
    const { user, system } = process.cpuUsage(before)
    used = user + system
  }
  return rounds
}

describe('the profiler', { skip: process.platform !== 'linux' && 'reads /proc, as the whole benchmark does' }, () => {
  it('finds the file in which a process spends its time, repeatedly', async () => {
    const profiler = new Profiler()
    for (let time = 0; time < 2; time++) {
      await profiler.start()
      assert.ok(keepBusy() >= 0)
      const { functions, presence } = await profiler.stop()
      assert.ok(functions.some(({ url }) => url === import.meta.url))
      assert.ok(functions.every(({ url }) => !url.endsWith('/brokers/profiler.js')))
      assert.ok(presence > 0)
    }
  })
})
