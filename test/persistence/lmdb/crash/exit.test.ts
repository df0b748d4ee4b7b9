/** A process that exits without closing the store: it ends, whatever state a transaction is in. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { createLmdbPersistence } from '../../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, saveSessions } from '../../../../lib/testing/persistence/harness.js'
import { endWithUs } from '../../../support/programs/left-behind.js'
import { temporaryFolder } from '../folders.js'

const PROCESS = fileURLToPath(new URL('./exit-process.js', import.meta.url))
const CODE = 3

describe('process.exit()', () => {
  it('ends a worker thread and not the process, even during a transaction', async () => {
    for (let turns = 0; turns <= 4; turns++) {
      const path = temporaryFolder()
      const worker = new Worker(PROCESS, { argv: [path, `${turns}`, `${CODE}`] })
      assert.deepEqual(await once(worker, 'exit'), [CODE])
      const store = createLmdbPersistence({ path })
      await store.setup(BROKER)
      await saveSessions(store, 'a')
      await store.destroy()
    }
  })

  for (let turns = 0; turns <= 4; turns++) {
    it(`ends the process ${turns} turns after a change was requested, even if nobody reads its output`, async () => {
      const args = [PROCESS, temporaryFolder(), `${turns}`, `${CODE}`]
      const child = endWithUs(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] }))
      child.stderr.destroy()
      const [code, signal] = await once(child, 'exit')
      assert.ok(code === CODE || signal === 'SIGKILL', `${code} ${signal}`)
    })
  }

  it('is not intercepted between transactions', async () => {
    const before = process.listenerCount('exit')
    const store = createLmdbPersistence({ path: temporaryFolder() })
    await store.setup(BROKER)
    await saveSessions(store, 'a')
    assert.equal(process.listenerCount('exit'), before)
    await store.destroy()
  })
})
