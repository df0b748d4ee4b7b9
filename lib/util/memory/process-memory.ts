/** How much memory this process may use. Reads it once, and does not know what for. */
import { totalmem } from 'node:os'
import v8 from 'node:v8'

export interface ProcessMemory {
  /** Of the machine, or of the container (cgroup) if that has a lower limit. */
  readonly bytes: number
  /** Whether `bytes` is the limit of a container, above which the system ends the process. */
  readonly isContainer: boolean
  /** Of V8's heap. */
  readonly heapBytes: number
}

let known: ProcessMemory | undefined

export function processMemory(): ProcessMemory {
  known ??= readProcessMemory()
  return known
}

function readProcessMemory(): ProcessMemory {
  const machine = totalmem() || Number.POSITIVE_INFINITY
  // without a limit it is 0, undefined or a number near 2 ** 64
  const container = process.constrainedMemory?.() || Number.POSITIVE_INFINITY
  return {
    bytes: Math.min(machine, container),
    isContainer: container < machine,
    heapBytes: v8.getHeapStatistics().heap_size_limit || Number.POSITIVE_INFINITY,
  }
}
