/** The record of a checkpoint in a data file, and what happens if it cannot be trusted. */
import assert from 'node:assert/strict'
import { openSync, writeSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Checkpoint, latestCheckpoint, noteOf, recover } from '../../../lib/persistence/lmdb/engine/checkpoint.js'
import { LmdbFlusher } from '../../../lib/persistence/lmdb/engine/flusher.js'
import { LmdbFile, MARGIN_BYTES, STATE_BYTES, stateOf } from '../../../lib/persistence/lmdb/file/file.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, saveSessions } from '../../../lib/testing/persistence/harness.js'
import { temporaryFolder } from './folders.js'

const TRANSACTION_AT = STATE_BYTES - 16

async function dataFile(): Promise<LmdbFile> {
  const path = temporaryFolder()
  const store = createLmdbPersistence({ path })
  await store.setup(BROKER)
  await saveSessions(store, 'a')
  await store.destroy()
  return LmdbFile.open(join(path, 'data.mdb'))!
}

function write(file: LmdbFile, checkpoint: Checkpoint): number {
  const { bytes, at } = noteOf(checkpoint, file)
  writeSync(file.descriptor, bytes, 0, bytes.length, at)
  return at
}

describe('a checkpoint', () => {
  it('is read back as it was written', async () => {
    const file = await dataFile()
    const { sequence } = latestCheckpoint(file)!
    const checkpoint = {
      sequence: sequence + 1,
      boot: 'cd16f9ef-cf0c-48f3-80c3-45d88283c383',
      state: file.latestState(),
    }
    write(file, checkpoint)
    assert.deepEqual(latestCheckpoint(file), checkpoint)
    file.close()
  })

  it('is the previous one if the last one was written partially', async () => {
    const file = await dataFile()
    const earlier = latestCheckpoint(file)!
    const at = write(file, { ...earlier, sequence: earlier.sequence + 1, boot: 'some' })
    writeSync(file.descriptor, Buffer.from([1]), 0, 1, at + 100)
    assert.deepEqual(latestCheckpoint(file), earlier)
    file.close()
  })

  it('is not restored without a reboot of the machine, nor if the store was closed', async () => {
    for (const boot of ['this', '']) {
      const file = await dataFile()
      const { sequence } = latestCheckpoint(file)!
      const state = stateOf(Buffer.from(file.latestState().bytes))
      state.bytes.writeBigUInt64LE(state.transaction - 1n, TRANSACTION_AT)
      write(file, { sequence: sequence + 1, boot, state: stateOf(state.bytes) })
      const before = file.latestState()
      recover(file, 'this')
      assert.deepEqual(file.latestState(), before)
      recover(file, undefined)
      assert.equal(file.latestState().transaction, before.transaction - (boot === '' ? 0n : 1n))
      file.close()
    }
  })

  it('is refused if the file is older', async () => {
    const file = await dataFile()
    const { sequence } = latestCheckpoint(file)!
    const state = Buffer.from(file.latestState().bytes)
    state.writeBigUInt64LE(file.latestState().transaction + 1n, TRANSACTION_AT)
    write(file, { sequence: sequence + 1, boot: 'this', state: stateOf(state) })
    assert.throws(() => recover(file, 'next'), { code: 'ANAX_ERR_STORE_FORMAT' })
    file.close()
  })
})

/** A flusher on an empty file; `held` counts the snapshots that it holds, `taken` all that it took. */
function flusherOn(path: string) {
  const counts = { held: 0, taken: 0 }
  const file = {
    descriptor: openSync(path, 'w+'),
    latestState: () => stateOf(Buffer.alloc(STATE_BYTES)),
    readMargin: () => Buffer.alloc(MARGIN_BYTES),
    marginAt: () => 0,
    checkPlace: async () => {},
  } as unknown as LmdbFile
  const hold = () => {
    counts.held++
    counts.taken++
    return { done: () => counts.held-- }
  }
  return { flusher: new LmdbFlusher({ file, boot: 'this', hold }), counts }
}

describe('a flush', () => {
  it('is automatic after a second, and holds one snapshot', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const { flusher, counts } = flusherOn(join(temporaryFolder(), 'data'))
    await flusher.flushed()
    flusher.beginTransaction()
    flusher.endTransaction()
    context.mock.timers.tick(999)
    assert.equal(counts.taken, 1)
    context.mock.timers.tick(1)
    assert.equal(counts.taken, 2)
    await flusher.flushed()
    assert.deepEqual(counts, { held: 1, taken: 2 })
  })

  it('is automatic after 250 transactions', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const { flusher, counts } = flusherOn(join(temporaryFolder(), 'data'))
    await flusher.flushed()
    for (let i = 0; i < 250; i++) {
      assert.equal(counts.taken, 1)
      flusher.beginTransaction()
      flusher.endTransaction()
    }
    assert.equal(counts.taken, 2)
    await flusher.flushed()
  })

  it('waits for the current transaction, and is shared by all callers', async () => {
    const { flusher, counts } = flusherOn(join(temporaryFolder(), 'data'))
    await flusher.flushed()
    flusher.endTransaction()
    flusher.beginTransaction()
    const waiting = [flusher.flushed(), flusher.flushed()]
    assert.equal(counts.taken, 1)
    flusher.endTransaction()
    assert.equal(counts.taken, 2)
    await Promise.all(waiting)
    assert.equal(counts.taken, 2)
  })

  it('that fails ends all writing: the system may have dropped data, even if the next one succeeds', async () => {
    const { flusher, counts } = flusherOn(devNull)
    await assert.rejects(flusher.flushed(), { syscall: 'fdatasync' })
    assert.equal(counts.held, 0)
    assert.throws(() => flusher.beginTransaction(), { syscall: 'fdatasync' })
  })
})
