/** What is common to the scenarios that fill a broker: memory per thing held. */
import type { LoadContext, MemoryUse, Sample } from '../../types.js'

/** Memory that each of `count` things takes, beside its payload. */
export function memoryEach(before: MemoryUse, after: MemoryUse, count: number, payloadBytes: number): Sample {
  const residentEach = (after.resident - before.resident) / count - payloadBytes
  if (after.heap === undefined || before.heap === undefined) return { residentEach }
  return { residentEach, heapEach: (after.heap - before.heap) / count - payloadBytes }
}

/** How many of a thing a scenario holds, after scaling: at least 1,000, and divisible by that. */
export function scaled(context: LoadContext, count: number): number {
  return Math.max(1, Math.round((count * context.effort.scale) / 1000)) * 1000
}
