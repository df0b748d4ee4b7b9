/** The commands for a store's folder, as the manual shows them, while a broker uses it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { createLmdbPersistence } from '../../lib/persistence/lmdb/lmdb.js'
import { BROKER, enqueue, message, payloads, saveSessions } from '../../lib/testing/persistence/harness.js'
import { temporaryFolder } from '../persistence/lmdb/folders.js'
import { COMMAND } from '../support/programs/command.js'
import { ROOT } from '../support/root.js'

const execute = promisify(execFile)
const cwd = temporaryFolder()

interface Result {
  code: number
  stdout: string
  stderr: string
}

async function anax(...args: string[]): Promise<Result> {
  return execute(process.execPath, [COMMAND, ...args], { cwd }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

const bytesOf = (folder: string) => statSync(join(cwd, folder, 'data.mdb')).size

describe('the commands for a store', () => {
  const store = createLmdbPersistence({ path: join(cwd, 'anax-data') })

  before(async () => {
    await store.setup(BROKER)
    await saveSessions(store, 'a')
    await enqueue(store, 'a', 'one', 'two', 'x'.repeat(3000))
    await store.storeRetained(message({ topic: 'r', retain: true }))
  })

  it('work as documented while the store is in use', async () => {
    const page = readFileSync(join(ROOT, 'docs/run/store.md'), 'utf8')
    const [, block = ''] = /```sh\n(.*?)```/s.exec(page) ?? []
    const lines = block.trim().split('\n')
    assert.equal(lines.length, 6)
    for (const line of lines) {
      const [program, ...args] = line.split(' ')
      assert.equal(program, 'anax')
      const { code, stderr } = await anax(...args)
      assert.equal(code, 0, `${line}: ${stderr}`)
    }
    await store.destroy()
    const restored = createLmdbPersistence({ path: join(cwd, 'restored'), verify: 'off' })
    await restored.setup(BROKER)
    assert.deepEqual((await payloads(restored, 'a')).slice(0, 2), ['one', 'two'])
    assert.equal(restored.retainedOf('r')?.payload.toString(), 'payload')
    await restored.destroy()
  })

  it('compact reduces the size of the file', async () => {
    await store.setup(BROKER)
    const messages = await enqueue(store, 'a', ...Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(2000)))
    for (const each of messages) store.removeQueued('a', each)
    await store.destroy()
    const before = bytesOf('anax-data')
    const { code, stdout } = await anax('compact', 'anax-data')
    assert.equal(code, 0)
    assert.ok(bytesOf('anax-data') < before / 2)
    assert.equal(stdout, `anax-data had ${before} bytes and has ${bytesOf('anax-data')} now\n`)
  })

  it('check reports what a damaged store contains, and salvage saves it', async () => {
    const file = join(cwd, 'anax-data', 'data.mdb')
    const bytes = readFileSync(file)
    bytes[bytes.indexOf('x'.repeat(500)) + 100]! ^= 1
    writeFileSync(file, bytes)
    const checked = await anax('check', 'anax-data')
    assert.equal(checked.code, 1)
    assert.match(checked.stdout, /messages +2 records, and 1 damaged/)
    assert.match(checked.stdout, /messages, message \d+: the checksum is wrong/)
    const { code, stdout } = await anax('salvage', 'anax-data', 'saved')
    assert.equal(code, 0)
    assert.equal(stdout, 'Imported into saved: 1 sessions, 2 queued messages, 0 wills, 1 retained messages\n')
    assert.match((await anax('check', 'saved')).stdout, /No damage found/)
    assert.equal((await anax('salvage', 'anax-data', 'saved')).code, 1)
  })

  it('import also reads the database of Mosquitto', async () => {
    const { code, stdout } = await anax('import', 'moved', join(ROOT, 'test/transfer/fixtures/mosquitto-2.0.db'))
    assert.equal(code, 0)
    assert.equal(stdout, 'Imported into moved: 2 sessions, 4 queued messages, 0 wills, 2 retained messages\n')
  })

  it('report errors', async () => {
    assert.match((await anax('backup', 'anax-data')).stderr, /backup takes a folder and a new one/)
    assert.match((await anax('check', 'nowhere')).stderr, /cannot open .*nowhere/)
    assert.match((await anax('backup', 'anax-data', 'saved')).stderr, /the folder is not empty/)
    assert.match((await anax('export', 'nowhere')).stderr, /there is no nowhere/)
    assert.match((await anax('import', 'new', 'nowhere.jsonl')).stderr, /cannot read nowhere\.jsonl/)
    assert.ok(!existsSync(join(cwd, 'nowhere')))
  })
})
