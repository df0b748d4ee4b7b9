/**
 * A process without free file descriptors, as when more clients connect than `ulimit -n` allows. Node.js then cannot
 * open the file with the memory of the process, and throws: a broker that read it in a timer ended its host.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmin } from '../../../lib/admin/index.js'
import { createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'

test('the timers of a broker and of its administration do not throw, and continue', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const clock = new FakeClock()
  await using broker = await createBroker({ clock, sysInterval: 1, maxMemoryBytes: 2 ** 40 })
  const admin = createAdmin(broker)
  t.after(() => admin.close())
  const throws = () => {
    throw Object.assign(new Error('EMFILE: too many open files, uv_resident_set_memory'), { code: 'EMFILE' })
  }
  t.mock.method(process, 'memoryUsage', Object.assign(throws, { rss: throws }))
  t.mock.timers.tick(2000)
  await clock.advance(1000)
  assert.ok(broker.stats().overload.memoryBytes > 0)
  const sizes: number[] = []
  for await (const { payload } of broker.retained('$SYS/broker/heap/current')) sizes.push(Number(payload))
  assert.ok(sizes[0]! > 0)
})
