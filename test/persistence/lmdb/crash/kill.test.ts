/**
 * The LMDB store when its process is killed: everything acknowledged is there, and each transaction is complete or
 * absent.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLmdbPersistence } from '../../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, payloads } from '../../../../lib/testing/persistence/harness.js'
import { byEffort } from '../../../support/effort.js'
import { endWithUs } from '../../../support/programs/left-behind.js'
import { temporaryFolder } from '../folders.js'

const WRITER = fileURLToPath(new URL('./writer-process.js', import.meta.url))
/** Up to the first automatic checkpoint, and beyond it. */
const ACKNOWLEDGEMENTS = byEffort({ fast: [7], normal: [1, 7, 90, 300, 700], full: [1, 7, 90, 300, 700, 1500, 4000] })

for (const durability of ['commit', 'sync']) for (const count of ACKNOWLEDGEMENTS) itHasAll(durability, count)

function itHasAll(durability: string, count: number): void {
  test(`a store killed at acknowledgement ${count} with '${durability}' has everything acknowledged`, async () => {
    const path = temporaryFolder()
    const child = endWithUs(
      spawn(process.execPath, [WRITER, path, durability], { stdio: ['ignore', 'pipe', 'inherit'] }),
    )
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
      if (said.includes(`\n${count}\n`)) child.kill('SIGKILL')
    })
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
