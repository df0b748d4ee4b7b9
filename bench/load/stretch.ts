/**
 * How long load is applied: for a time and, on a machine that does something else as well, until the broker has worked
 * enough.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMicros } from '../measure.js'

/** The maximum, as a multiple of the time. */
const PATIENCE = 5
const LOOK_MS = 50

/**
 * Resolves after a time, and not before the broker has had the core for a share of it. So a broker that has to share
 * the core is as warm, and measured for as many messages, as one that does not.
 * @param share less than the share of an undisturbed broker
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
