/** Fakes the memory of the process, and when the broker reads it. */
import type { TestContext } from 'node:test'
import v8 from 'node:v8'
import type { ProcessMemory } from '../../lib/util/memory/process-memory.js'

/** A machine on which every default is what the documentation says. */
export const LARGE_MACHINE: ProcessMemory = { bytes: 2 ** 35, heapBytes: 2 ** 32, isContainer: false }

/**
 * Must be called before the broker is created.
 * @returns a function that sets the bytes of buffers, and makes the broker read them several times
 */
export function fakeMemory(t: TestContext): (bufferBytes: number, looks: number) => void {
  let external = 0
  const real = v8.getHeapStatistics()
  t.mock.method(v8, 'getHeapStatistics', () => ({ ...real, used_heap_size: 0, external_memory: external }))
  t.mock.timers.enable({ apis: ['setInterval'] })
  return (bufferBytes, looks) => {
    external = bufferBytes
    for (let i = 0; i < looks; i++) t.mock.timers.tick(500)
  }
}
