/** The LMDB store with bad files: foreign ones, damage, a second process, a full disk. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { open as openDatabase } from 'lmdb'
import type { AnaxError } from '../../../lib/errors.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, message, payloads, policy, saveSessions, to } from '../../../lib/testing/persistence/harness.js'
import { endWithUs } from '../../support/programs/left-behind.js'
import { noSmallDisk, onDiskOf, temporaryFolder } from './folders.js'

const WRITER = fileURLToPath(new URL('./crash/writer-process.js', import.meta.url))
const OPENER = fileURLToPath(new URL('./crash/open-process.js', import.meta.url))
const DATA = 'data.mdb'

/** A folder with a store that has something in it. */
async function filledFolder(): Promise<string> {
  const path = temporaryFolder()
  const store = createLmdbPersistence({ path })
  await store.setup(BROKER)
  await saveSessions(store, 'a')
  const deliver = (payload: Buffer) => store.enqueue(message({ payload }), [to('a')], policy({ maxBytes: 1e9 }))
  await Promise.all(Array.from({ length: 50 }, () => deliver(Buffer.alloc(100_000, 1))))
  await store.destroy()
  return path
}

async function refused(path: string, code = 'ANAX_ERR_STORE_FORMAT'): Promise<void> {
  const before = readFileSync(join(path, DATA))
  await assert.rejects(createLmdbPersistence({ path }).setup(BROKER), { code })
  assert.ok(readFileSync(join(path, DATA)).equals(before), 'the file was changed')
}

describe('a foreign file', () => {
  it('is refused if it has a newer schema', async () => {
    const path = await filledFolder()
    const database = openDatabase({ path, noSubdir: false })
    const meta = database.openDB<{ schema: number }, Buffer>('anax', {
      keyEncoding: 'binary',
      useRecords: false,
    } as object)
    const key = Buffer.from('meta')
    await meta.put(key, { ...meta.get(key), schema: 99 })
    await database.close()
    await refused(path)
  })

  it('is refused if it has data of another program', async () => {
    const path = temporaryFolder()
    const database = openDatabase({ path, noSubdir: false })
    await database.put('key', 'value')
    await database.close()
    await refused(path)
  })

  for (const [what, damage] of [
    ['is no database', (file: string) => writeFileSync(file, Buffer.alloc(20_000, 7))],
    ['is a few bytes', (file: string) => writeFileSync(file, 'short')],
    ['has lost its end', (file: string) => truncateSync(file, 40_960)],
    ['has lost its second page', (file: string) => truncateSync(file, 4096)],
  ] as const) {
    it(`is refused when it ${what}`, async () => {
      const path = await filledFolder()
      damage(join(path, DATA))
      await refused(path)
    })
  }

  for (const name of [DATA, 'lock.mdb']) {
    it(`is refused if ${name} is a folder`, async () => {
      const path = temporaryFolder()
      mkdirSync(join(path, name))
      await assert.rejects(createLmdbPersistence({ path }).setup(BROKER), {
        code: 'ANAX_ERR_STORE_FORMAT',
        message: new RegExp(`${name} is not a file`),
      })
      assert.deepEqual(readdirSync(path), [name])
    })
  }
})

describe('a folder that cannot be opened', () => {
  it('is one whose lock file is a dangling link', async () => {
    const path = temporaryFolder()
    symlinkSync(join(path, 'missing', 'lock'), join(path, 'lock.mdb'))
    await assert.rejects(createLmdbPersistence({ path }).setup(BROKER), { code: 'ANAX_ERR_STORE', message: /ENOENT/ })
  })

  it('is one that cannot be created, and the error says why', { skip: process.platform !== 'linux' }, async () => {
    for (const [path, reason] of [
      ['/proc/anax-data', /cannot open \/proc\/anax-data: ENOENT/],
      ['/dev/null/anax-data', /cannot open \/dev\/null\/anax-data: ENOTDIR/],
    ] as const) {
      await assert.rejects(createLmdbPersistence({ path }).setup(BROKER), { code: 'ANAX_ERR_STORE', message: reason })
    }
  })

  it('is named in the error', async () => {
    const path = join(temporaryFolder(), 'a file')
    writeFileSync(path, '')
    const store = createLmdbPersistence({ path })
    await assert.rejects(store.setup(BROKER), (error: AnaxError) => {
      assert.equal(error.code, 'ANAX_ERR_STORE')
      assert.ok(error.message.includes(`cannot open ${path}: `), error.message)
      assert.ok(error.cause instanceof Error)
      return true
    })
  })
})

describe('a folder that is in use', () => {
  it('is refused to a second store of the process, until the first is closed', async () => {
    const path = temporaryFolder()
    const [first, second] = [createLmdbPersistence({ path }), createLmdbPersistence({ path })]
    await first.setup(BROKER)
    await assert.rejects(second.setup(BROKER), { code: 'ANAX_ERR_STORE', message: /in use by this process/ })
    await first.destroy()
    await second.setup(BROKER)
    await second.destroy()
  })

  it('is refused to a second store of the process even under another name', async () => {
    const [path, link] = [temporaryFolder(), join(temporaryFolder(), 'link')]
    symlinkSync(path, link)
    const [first, second] = [createLmdbPersistence({ path }), createLmdbPersistence({ path: link })]
    await first.setup(BROKER)
    await assert.rejects(second.setup(BROKER), { code: 'ANAX_ERR_STORE', message: /in use by this process/ })
    await first.destroy()
  })

  it('is refused to a second process, until the first is dead', async () => {
    const path = temporaryFolder()
    const child = endWithUs(spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] }))
    await once(child.stdout, 'data')
    const store = createLmdbPersistence({ path })
    await assert.rejects(store.setup(BROKER), {
      code: 'ANAX_ERR_STORE',
      message: new RegExp(`in use by process ${child.pid}`),
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await store.setup(BROKER)
    await store.destroy()
  })

  // as processes of two containers, both of which may have number 1
  it('is refused to another thread, which has the same process number, until the first is gone', async () => {
    const path = temporaryFolder()
    // one that is terminated while it writes can end the process: LMDB's package calls into a thread that is no more
    const worker = new Worker(OPENER, { argv: [path], stdout: true })
    await once(worker.stdout, 'data')
    for (const verify of ['off', 'quick'] as const) {
      const store = createLmdbPersistence({ path, verify })
      await assert.rejects(store.setup(BROKER), { code: 'ANAX_ERR_STORE', message: /in use by/ })
    }
    await worker.terminate()
    const store = createLmdbPersistence({ path, verify: 'off' })
    await store.setup(BROKER)
    await store.destroy()
  })
})

describe('a disk that fails', () => {
  const skip = process.platform === 'linux' ? false : 'needs /proc to find the descriptor'

  it('is reported when the store is closed, which still closes and can be opened again', {
    skip,
  }, async () => {
    const path = temporaryFolder()
    const store = createLmdbPersistence({ path })
    await store.setup(BROKER)
    await saveSessions(store, 'a')
    const descriptors = readdirSync('/proc/self/fd').filter(fd => linkOf(fd) === join(path, DATA))
    // ours was opened after LMDB's own
    closeSync(Math.max(...descriptors.map(Number)))
    await assert.rejects(async () => await store.destroy(), { code: 'EBADF' })
    await store.setup(BROKER)
    assert.ok(await store.openSession('a'))
    await store.destroy()
  })

  function linkOf(descriptor: string): string | undefined {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`)
    } catch {
      return undefined
    }
  }
})

describe('a full disk', () => {
  it(
    'causes a refusal of writes, keeps existing data, and works again when there is room',
    { skip: noSmallDisk },
    context => onDiskOf(3_000_000, context, path => fillDisk(join(path, 'store'), join(path, 'ballast'))),
  )

  it('can be emptied one message at a time, and has room again immediately', { skip: noSmallDisk }, context =>
    onDiskOf(3_000_000, context, async path => {
      const store = createLmdbPersistence({ path })
      await store.setup(BROKER)
      await saveSessions(store, 'a')
      const add = (payload: Buffer) => store.enqueue(message({ payload }), [to('a')], policy({ maxBytes: 1e9 }))
      await assert.rejects(
        async () => {
          for (;;) await add(Buffer.alloc(20_000))
        },
        { code: 'ANAX_ERR_QUOTA' },
      )
      for (let round = 0; round < 20; round++) {
        const entries = []
        for await (const entry of store.queued('a')) entries.push(entry)
        for (const { ref } of entries) await store.removeQueued('a', ref)
        assert.equal(await store.countQueuedBytes(), 0)
        for (const _ of entries) await add(Buffer.alloc(10_000))
      }
      await store.destroy()
    }),
  )

  it('cannot have a new store, but the process survives', { skip: noSmallDisk }, context =>
    onDiskOf(409_600, context, async path => {
      const [folder, ballast] = [join(path, 'store'), join(path, 'ballast')]
      const store = createLmdbPersistence({ path: folder })
      mkdirSync(folder)
      assert.throws(() => writeFileSync(ballast, Buffer.alloc(500_000)), { code: 'ENOSPC' })
      await assert.rejects(store.setup(BROKER), (error: AnaxError) => {
        assert.deepEqual([error.code, (error.cause as NodeJS.ErrnoException).code], ['ANAX_ERR_STORE', 'ENOSPC'])
        return true
      })
      rmSync(ballast)
      await store.setup(BROKER)
      await saveSessions(store, 'a')
      assert.throws(() => writeFileSync(ballast, Buffer.alloc(500_000)), { code: 'ENOSPC' })
      await store.destroy()
      await store.setup(BROKER)
      assert.ok(await store.openSession('a'))
      await store.destroy()
    }),
  )

  async function fillDisk(path: string, ballast: string): Promise<void> {
    mkdirSync(path)
    writeFileSync(ballast, Buffer.alloc(1_000_000))
    const store = createLmdbPersistence({ path })
    await store.setup(BROKER)
    await saveSessions(store, 'a', 'b')
    let stored = 0
    const add = async () => {
      const payload = Buffer.alloc(20_000, stored)
      await store.enqueue(message({ payload }), [to('a'), to('b')], policy({ maxBytes: 1e9 }))
      stored++
    }
    await assert.rejects(
      async () => {
        for (;;) await add()
      },
      { code: 'ANAX_ERR_QUOTA', reasonCode: 0x97 },
    )
    assert.ok(stored > 10)
    assert.deepEqual((await payloads(store, 'a')).length, stored)
    assert.deepEqual((await payloads(store, 'b')).length, stored)
    rmSync(ballast)
    await add()
    await store.destroy()
    const reopened = createLmdbPersistence({ path })
    await reopened.setup(BROKER)
    for (const clientId of ['a', 'b']) assert.equal((await payloads(reopened, clientId)).length, stored)
    assert.equal(await reopened.countQueuedBytes(), stored * 20_000)
    await reopened.destroy()
  }
})

describe('a damaged record', () => {
  it('is neither delivered nor acknowledged, and does not affect others', async () => {
    const path = temporaryFolder()
    const store = createLmdbPersistence({ path, verify: 'off' })
    await store.setup(BROKER)
    await saveSessions(store, 'a', 'b')
    const damaged = message({ payload: Buffer.alloc(600, 'damaged') })
    await store.enqueue(damaged, [to('a')], policy())
    await store.enqueue(message({ payload: Buffer.from('whole') }), [to('b')], policy())
    await store.storeRetained(message({ topic: 'r', payload: Buffer.alloc(600, 'retained') }))
    await store.destroy()
    overwrite(path, 'damageddamaged', 'damagEddamaged')
    overwrite(path, 'retainedretained', 'retainEdretained')
    await store.setup(BROKER)
    await assert.rejects(payloads(store, 'a'), /damaged record in table 'messages'/)
    assert.throws(() => store.retainedOf('r'), /damaged record in table 'retained'/)
    assert.deepEqual(await payloads(store, 'b'), ['whole'])
    const replaced = store.storeRetained(message({ topic: 'r' }))
    const [outcome, others] = await Promise.allSettled([replaced, store.addIncoming('b', 1)])
    assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'ANAX_ERR_STORE')
    assert.equal(others.status, 'fulfilled')
    await store.destroy()
  })

  it('prevents opening the store if it is needed for that', async () => {
    const path = temporaryFolder()
    const store = createLmdbPersistence({ path, verify: 'off' })
    await store.setup(BROKER)
    await saveSessions(store, 'a')
    await store.addSubscriptions({ id: 'a' }, [{ topic: 'some/topic/filter', qos: 1 }])
    await store.destroy()
    overwrite(path, 'topic/filter\x01', 'tOpic/filter\x01')
    await assert.rejects(store.setup(BROKER), { code: 'ANAX_ERR_STORE_FORMAT' })
  })

  /** Changes bytes wherever they are in the data file. */
  function overwrite(path: string, from: string, to: string): void {
    const file = join(path, DATA)
    const bytes = readFileSync(file)
    let found = bytes.indexOf(from)
    assert.notEqual(found, -1)
    for (; found !== -1; found = bytes.indexOf(from, found + 1)) bytes.write(to, found)
    writeFileSync(file, bytes)
  }
})
