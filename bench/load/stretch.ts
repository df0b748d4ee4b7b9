/**
 * How long load is put on: by the clock, and on a machine that does something else as well until the broker has worked.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMicros } from '../measure.js'

/** It is not waited for longer than so many times the time itself. */
const PATIENCE = 5
const LOOK_MS = 50

/**
 * Resolves after a time, or as much later as it takes until the broker has had the core for a share of it. So a broker
 * that others keep from the core is as warm when it is measured, and measured for as many messages, as one that has it
 * for itself.
 *
 * @param share less than what the broker has where nobody disturbs it
 */
export async function busyStretch(pid: number, seconds: number, share: number): Promise<void> {
  const start = performance.now()
  const cpuStart = cpuMicros(pid)
  await sleep(seconds * 1000)
  while (cpuMicros(pid) - cpuStart < seconds * 1e6 * share) {
    if (performance.now() - start > seconds * 1000 * PATIENCE) return
    await sleep(LOOK_MS)
  }
}
