/**
 * The data file after a power cut: any part of what was written since the last sync may be there, in any order.
 * Whatever it is, the checkpoint is complete, and the file is reset to it.
 */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { open as openDatabase, type RootDatabase } from 'lmdb'
import { recover } from '../../../../lib/persistence/lmdb/engine/checkpoint.js'
import { LmdbFlusher } from '../../../../lib/persistence/lmdb/engine/flusher.js'
import { LmdbFile } from '../../../../lib/persistence/lmdb/file/file.js'
import { createLmdbPersistence, type LmdbDurability } from '../../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, message, payloads, policy, saveSessions, to } from '../../../../lib/testing/persistence/harness.js'
import { runs } from '../../../support/effort.js'
import { temporaryFolder } from '../folders.js'

const DATA = 'data.mdb'
const SECTOR = 512
const KEYS = 300
const MAX_VALUE_BYTES = 9000
const SEEDS = runs(12)
const CUTS_EACH = 3

type Random = (below: number) => number
type Rows = Map<number, string>

function randomFrom(seed: number): Random {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A database, its expected content, and its flusher. */
class Machine {
  readonly rows: Rows
  readonly root: RootDatabase<string, number>
  readonly flusher: LmdbFlusher
  readonly #random: Random

  constructor(folder: string, boot: string, random: Random, rows: Rows = new Map()) {
    this.#random = random
    this.rows = new Map(rows)
    this.root = openDatabase({ path: folder, noSubdir: false, noSync: true, eventTurnBatching: false })
    const hold = () => {
      this.root.resetReadTxn()
      return this.root.useReadTransaction()
    }
    this.flusher = new LmdbFlusher({ file: LmdbFile.open(join(folder, DATA))!, boot, hold })
  }

  async transactions(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.root.transaction(() => this.#change())
  }

  async close(): Promise<void> {
    await this.flusher.close()
    await this.root.close()
  }

  #change(): void {
    for (let i = this.#random(8); i >= 0; i--) {
      const key = this.#random(KEYS)
      if (this.#random(3) === 0) {
        this.root.removeSync(key)
        this.rows.delete(key)
        continue
      }
      const value = `${this.#random(1e9)}`.padEnd(this.#random(MAX_VALUE_BYTES), '.')
      this.root.putSync(key, value)
      this.rows.set(key, value)
    }
  }
}

/** Each sector is the old or the new one; the end of appended data may be missing. */
function cutPower(before: Buffer, after: Buffer, random: Random): Buffer {
  const left = Buffer.alloc(before.length + random((after.length - before.length) / SECTOR + 1) * SECTOR)
  before.copy(left)
  for (let at = 0; at < left.length; at += SECTOR) {
    if (random(2) === 0) after.copy(left, at, at, at + SECTOR)
  }
  return left
}

function rowsIn(root: RootDatabase<string, number>): Rows {
  return new Map(Array.from(root.getRange({}), ({ key, value }) => [key, value]))
}

function recovered(image: Buffer, boot: string): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, DATA), image)
  const file = LmdbFile.open(join(folder, DATA))!
  recover(file, boot)
  file.checkLength()
  file.close()
  return folder
}

describe('the flusher', () => {
  for (let seed = 1; seed <= SEEDS; seed++) itIsWhole(seed)
})

function itIsWhole(seed: number): void {
  it(`leaves the checkpoint intact (seed ${seed})`, async () => {
    const random = randomFrom(seed)
    const folder = temporaryFolder()
    const machine = new Machine(folder, 'first', random)
    for (let i = random(6); i >= 0; i--) {
      await machine.transactions(random(20))
      machine.flusher.endTransaction()
      await machine.flusher.flushed()
    }
    const before = readFileSync(join(folder, DATA))
    const synced = new Map(machine.rows)
    machine.flusher.beginTransaction()
    await machine.transactions(random(100))
    const after = readFileSync(join(folder, DATA))
    machine.flusher.endTransaction()
    await machine.close()
    for (let cut = 0; cut < CUTS_EACH; cut++) {
      const again = new Machine(recovered(cutPower(before, after, random), 'second'), 'second', random, synced)
      assert.deepEqual(rowsIn(again.root), synced)
      await again.flusher.flushed()
      await again.transactions(50)
      assert.deepEqual(rowsIn(again.root), again.rows)
      await again.close()
    }
  })
}

describe('a store after a power failure', () => {
  const MESSAGES = 10
  const everything = policy({ maxMessages: 1e9, maxBytes: 1e9 })

  /** The content of two queues with the same messages, after the power was cut when the last one was acknowledged. */
  async function cutAfterWriting(durability: LmdbDurability): Promise<unknown[]> {
    const path = temporaryFolder()
    const store = createLmdbPersistence({ path, durability })
    await store.setup(BROKER)
    await saveSessions(store, 'a', 'b')
    for (let i = 0; i < MESSAGES; i++) {
      const payload = Buffer.from(`${i}`)
      const both = ['a', 'b'].map(clientId => store.enqueue(message({ payload }), [to(clientId)], everything))
      await Promise.all(both)
    }
    const image = readFileSync(join(path, DATA))
    await store.destroy()

    const again = createLmdbPersistence({ path: recovered(image, 'another run of the machine') })
    await again.setup(BROKER)
    const [a, b] = [await payloads(again, 'a'), await payloads(again, 'b')]
    assert.deepEqual(a, b)
    await again.destroy()
    return a
  }

  const expected = Array.from({ length: MESSAGES }, (_, i) => `${i}`)

  it("has everything acknowledged if durability is 'sync'", async () => {
    assert.deepEqual(await cutAfterWriting('sync'), expected)
  })

  it("is intact, without some of the last changes, if durability is 'commit'", async () => {
    const found = await cutAfterWriting('commit')
    assert.deepEqual(found, expected.slice(0, found.length))
  })

  it('has everything if it was closed before', async () => {
    const path = temporaryFolder()
    const store = createLmdbPersistence({ path })
    await store.setup(BROKER)
    await saveSessions(store, 'a')
    await store.enqueue(message({ payload: Buffer.from('kept') }), [to('a')], everything)
    await store.destroy()
    const again = createLmdbPersistence({
      path: recovered(readFileSync(join(path, DATA)), 'another run of the machine'),
    })
    await again.setup(BROKER)
    assert.deepEqual(await payloads(again, 'a'), ['kept'])
    await again.destroy()
  })
})
