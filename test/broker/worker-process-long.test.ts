/**
 * A separate broker in each worker of `node:cluster` is a mistake that shows only in missing messages: a warning says
 * so.
 */
import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

it('a broker in a worker of node:cluster causes one warning, and none if it has a bus', async () => {
  cluster.setupPrimary({ exec: fileURLToPath(new URL('./broker-in-worker.js', import.meta.url)) })
  const worker = cluster.fork()
  const [warnings] = await once(worker, 'message')
  worker.kill()
  assert.deepEqual(warnings, { withBus: [], alone: ['ANAX_WARN_WORKER'], again: [] })
})
