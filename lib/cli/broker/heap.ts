/**
 * Sets how far V8 lets the command's heap grow before a full collection. Connections live long enough to become old
 * objects. With V8's own setting, clients that connect and disconnect would cause a full collection every few MB.
 */
import { setFlagsFromString } from 'node:v8'

/** Growth to four times the used size. V8's own limits are 1.1 and 4 times, and half of the remaining space. */
const PERCENT = 300

/** In a container with less memory, what is collected later would be what the system ends the process for. */
const LEAST_BYTES = 512 * 1024 * 1024

/** Sets the flag, which V8 reads after each full collection. */
export function letHeapGrow(): void {
  const container = process.constrainedMemory() || Number.POSITIVE_INFINITY
  if (container < LEAST_BYTES) return
  setFlagsFromString(`--heap-growing-percent=${PERCENT}`)
}
