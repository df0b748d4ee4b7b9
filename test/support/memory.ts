/** The memory of the process as a test wants a broker to see it, and when the broker looks. */
import type { TestContext } from 'node:test'

/**
 * To be called before the broker is made.
 * @returns sets how many bytes of buffers there are, and has the broker look so many times
 */
export function fakeMemory(t: TestContext): (bufferBytes: number, looks: number) => void {
  let external = 0
  const real = process.memoryUsage()
  t.mock.method(process, 'memoryUsage', () => ({ ...real, heapUsed: 0, external }))
  t.mock.timers.enable({ apis: ['setInterval'] })
  return (bufferBytes, looks) => {
    external = bufferBytes
    for (let i = 0; i < looks; i++) t.mock.timers.tick(500)
  }
}
