/** The store on disk when its process is killed: what was acknowledged is there, and what belongs together is whole. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createLmdbPersistence } from '../../lib/persistence/lmdb.js'
import { BROKER, payloads } from '../../lib/testing/persistence/harness.js'
import { temporaryFolder } from './lmdb-folders.js'

const WRITER = fileURLToPath(new URL('./lmdb-writer-process.js', import.meta.url))
const LIVES_MS = [30, 110, 205, 333]

for (const life of LIVES_MS) {
  test(`killed after ${life} ms of writing, it has all that was acknowledged`, async () => {
    const path = temporaryFolder()
    const child = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
    })
    await once(child.stdout, 'data')
    await delay(life)
    child.kill('SIGKILL')
    await once(child, 'close')
    const acknowledged = Number(said.split('\n').at(-2))

    const store = createLmdbPersistence({ path })
    await store.setup(BROKER)
    const [a, b] = [await payloads(store, 'a'), await payloads(store, 'b')]
    assert.ok(a.length >= acknowledged, `${acknowledged} were acknowledged, ${a.length} are there`)
    assert.ok(a.length <= acknowledged + 1)
    assert.deepEqual(a, b)
    assert.deepEqual(
      a,
      Array.from(a, (_, i) => `${i + 1}`),
    )
    assert.equal(store.retainedOf('last')?.payload.toString(), a.at(-1))
    await store.destroy()
  })
}
