/** Whether a cost stays the same while something grows: the broker's CPU time for the first half and for the second. */
import { cpuMicros } from '../measure.js'

export interface Halves {
  /** Microseconds of the broker's CPU time for each item, over all items. */
  each: number
  perSecond: number
  /** Cost per item in the second half divided by that in the first. */
  linearity: number
}

/** @param advance works until `count` items are done, and returns how many are done */
export async function inHalves(
  pid: number,
  count: number,
  advance: (count: number) => Promise<number>,
): Promise<Halves> {
  const start = performance.now()
  const cpuStart = cpuMicros(pid)
  const half = await advance(count / 2)
  const cpuHalf = cpuMicros(pid)
  const all = await advance(count)
  const cpuEnd = cpuMicros(pid)
  const seconds = (performance.now() - start) / 1000
  const linearity = (cpuEnd - cpuHalf) / (all - half) / ((cpuHalf - cpuStart) / half)
  return { each: (cpuEnd - cpuStart) / all, perSecond: all / seconds, linearity }
}
