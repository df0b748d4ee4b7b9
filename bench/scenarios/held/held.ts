/** Shared by the scenarios that fill a broker: memory per thing. */
import type { LoadContext, MemoryUse, Sample } from '../../types.js'

/** Memory of each of `count` things, without its payload. */
export function memoryEach(before: MemoryUse, after: MemoryUse, count: number, payloadBytes: number): Sample {
  const residentEach = (after.resident - before.resident) / count - payloadBytes
  if (after.heap === undefined || before.heap === undefined) return { residentEach }
  return { residentEach, heapEach: (after.heap - before.heap) / count - payloadBytes }
}

/** The number of things in a scenario, after scaling: at least 1,000, and divisible by that. */
export function scaled(context: LoadContext, count: number): number {
  return Math.max(1, Math.round((count * context.effort.scale) / 1000)) * 1000
}
