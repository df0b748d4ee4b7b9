/**
 * How far V8 lets the command's heap grow before it collects all of it. Chunks from sockets count as part of the heap
 * until the next quick collection: with V8's own choice, payloads of some KiB cost a full one every 30 MB of them.
 */
import { setFlagsFromString } from 'node:v8'

/** To four times what was in use: V8's own bounds are 1.1 and 4 times, and half of the room that is left. */
const PERCENT = 300

/** V8 looks at it after each full collection. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${PERCENT}`)
}
