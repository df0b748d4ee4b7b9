/**
 * Damaged files: whatever byte is changed, the store refuses the file or has its old content; and how the damage is
 * reported.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { checkFile } from '../../../lib/persistence/lmdb/check/check.js'
import { verify } from '../../../lib/persistence/lmdb/check/verify.js'
import { createLmdbPersistence, type LmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { all, BROKER, message, policy, saveSessions, to, will } from '../../../lib/testing/persistence/harness.js'
import { byEffort, runs } from '../../support/effort.js'
import { temporaryFolder } from './folders.js'

const NOW = 1_900_000_000_000
const PAGE_BYTES = 4096
/** Files that are opened with all checks. */
const OPENED = byEffort({ fast: 4, normal: 5, full: 300 })

/** A compact file, in which nearly every byte matters, and its content. */
let original: Buffer
let content: string
const folder = temporaryFolder()

before(async () => {
  const path = temporaryFolder()
  const store = await opened(path, 'off')
  await fill(store)
  await store.backup(join(path, 'copy'))
  await store.destroy()
  original = readFileSync(join(path, 'copy', 'data.mdb'))
  content = await contentOf(original, 'off')
})

async function opened(path: string, verification: 'off' | 'quick' | 'full'): Promise<LmdbPersistence> {
  const store = createLmdbPersistence({ path, now: () => NOW, verify: verification })
  await store.setup(BROKER)
  return store
}

async function fill(store: LmdbPersistence): Promise<void> {
  const names = Array.from({ length: 40 }, (_, i) => `client-${i}`)
  await saveSessions(store, ...names)
  const added = names.flatMap((name, i) => [
    store.addSubscriptions({ id: name }, [{ topic: `t/${i}/#`, qos: 1 }]),
    store.saveWill(name, will(), NOW),
    store.storeRetained(message({ topic: `r/${i}`, payload: Buffer.alloc(i * 40, i) })),
    store.addIncoming(name, i + 1),
    store.enqueue(message({ payload: Buffer.alloc(100, name) }), [to(name), to(names[0]!)], policy()),
    store.enqueue(message({ payload: Buffer.alloc(9000, name), messageExpiry: NOW }), [to(name)], policy()),
  ])
  await Promise.all(added)
}

/** The whole content of a file, read through the store, as text. */
async function contentOf(file: Buffer, verification: 'off' | 'full'): Promise<string> {
  place(file)
  const store = await opened(folder, verification)
  try {
    const sessions = await all(store.sessions())
    const queues = await Promise.all(sessions.map(({ clientId }) => all(store.queued(clientId))))
    const retained = await all(store.retained(['#']))
    const matches = (await store.subscriptionsByTopic('t/7/x')).length
    const counts = [store.retainedCount, store.retainedBytes, await store.countQueuedBytes(), store.nextDeadline()]
    return JSON.stringify([sessions, queues, retained, await all(store.wills()), matches, counts])
  } finally {
    await store.destroy()
  }
}

function place(file: Buffer): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  writeFileSync(join(folder, 'data.mdb'), file)
}

/** The same changes in each run. */
function* flips(count: number): Generator<Buffer> {
  let seed = 12
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (let i = 0; i < count; i++) {
    const file = Buffer.from(original)
    // One bit does most harm in headers and node lists.
    const inPage = random(2) === 0 ? random(160) : random(PAGE_BYTES)
    const at = random(original.length / PAGE_BYTES) * PAGE_BYTES + inPage
    file[at]! ^= 1 << random(8)
    yield file
  }
}

describe('a byte that was changed', () => {
  it('is found by the check, or has no effect', async () => {
    let found = 0
    for (const file of flips(runs(120))) {
      place(file)
      if (checkFile(folder, 'full').damage.length > 0) found++
      else assert.equal(await contentOf(file, 'off'), content)
    }
    assert.ok(found > 60, `found ${found}`)
  })

  it("makes verify: 'full' refuse the store, or has no effect", async () => {
    let refused = 0
    for (const file of flips(OPENED)) {
      try {
        assert.equal(await contentOf(file, 'full'), content)
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ANAX_ERR_STORE_FORMAT')
        refused++
      }
    }
    assert.ok(refused > OPENED / 4, `refused ${refused} of ${OPENED}`)
  })

  it('is reported with its table and key', () => {
    const file = Buffer.from(original)
    const at = file.indexOf('client-7'.repeat(12))
    file[at + 40]! ^= 1
    place(file)
    const { tables, damage, schema } = checkFile(folder, 'full')
    assert.deepEqual(
      damage.map(({ table, what }) => [table, what]),
      [['messages', 'the checksum is wrong']],
    )
    assert.match(damage[0]!.key!, /^message \d+$/)
    assert.equal(tables.messages?.damaged, 1)
    assert.equal(tables.messages?.whole, 79)
    assert.equal(schema, 2)
  })
})

describe('verification', () => {
  it('finds nothing in an undamaged file', async () => {
    place(original)
    await verify(folder, 'quick')
    await verify(folder, 'full')
    assert.deepEqual(checkFile(folder, 'quick').damage, [])
  })

  it('refuses a file that crashes LMDB', async () => {
    place(original)
    const process = join(folder, 'process.mjs')
    writeFileSync(
      process,
      "import nodeProcess from 'node:process'\nnodeProcess.send({ kind: 'started' }, () => nodeProcess.kill(nodeProcess.pid, 'SIGSEGV'))\n",
    )
    await assert.rejects(verify(folder, 'quick', process), { code: 'ANAX_ERR_STORE_FORMAT', message: /SIGSEGV/ })
  })

  it('works without a process if none can be started', async () => {
    place(original)
    const nowhere = join(folder, 'nowhere.mjs')
    await verify(folder, 'full', nowhere)
    const file = Buffer.from(original)
    file.fill(0, 3 * PAGE_BYTES, 4 * PAGE_BYTES)
    place(file)
    await assert.rejects(verify(folder, 'full', nowhere), { code: 'ANAX_ERR_STORE_FORMAT' })
  })
})

describe('a store whose folder is removed', () => {
  for (const [what, take] of [
    ['deleted', (path: string) => rmSync(path, { recursive: true })],
    [
      'replaced',
      (path: string) => {
        rmSync(path, { recursive: true })
        mkdirSync(path)
        writeFileSync(join(path, 'data.mdb'), original)
      },
    ],
  ] as const) {
    it(`fails when it was ${what}`, async () => {
      const path = join(temporaryFolder(), 'store')
      const store = createLmdbPersistence({ path, durability: 'sync' })
      await store.setup(BROKER)
      await saveSessions(store, 'a')
      take(path)
      await assert.rejects(store.addIncoming('a', 1), { code: 'ANAX_ERR_STORE', message: /deleted or replaced/ })
      await assert.rejects(store.addIncoming('a', 2), { code: 'ANAX_ERR_STORE' })
      await assert.rejects(store.destroy(), { code: 'ANAX_ERR_STORE' })
    })
  }
})

describe('an empty data file', () => {
  it('is refused, and not changed', async () => {
    const path = temporaryFolder()
    writeFileSync(join(path, 'data.mdb'), '')
    await assert.rejects(createLmdbPersistence({ path }).setup(BROKER), { code: 'ANAX_ERR_STORE_FORMAT' })
    assert.equal(statSync(join(path, 'data.mdb')).size, 0)
  })

  it('includes truncated files', async () => {
    place(original)
    truncateSync(join(folder, 'data.mdb'), 0)
    await assert.rejects(opened(folder, 'quick'), { code: 'ANAX_ERR_STORE_FORMAT' })
  })
})
