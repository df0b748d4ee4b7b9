/** When the young objects are collected for the sake of buffers that sockets were read into. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ReadBuffers } from '../../../lib/util/memory/read-buffers.js'

const MB = 1024 * 1024

function fixture() {
  const watchers: (() => void)[] = []
  let collections = 0
  const buffers = new ReadBuffers({
    collectYoungObjects: () => collections++,
    onFullCollection: call => watchers.push(call),
  })
  return {
    buffers,
    watchers,
    collections: () => collections,
    async read(megabytes: number): Promise<void> {
      for (let i = 0; i < megabytes; i++) {
        buffers.add(MB)
        await nextTurn()
      }
    },
    fullCollection: () => watchers.shift()?.(),
  }
}

describe('buffers of chunks', () => {
  it('are left to V8 while it does not collect its whole heap', async () => {
    const { read, collections, watchers } = fixture()
    await read(1000)
    assert.equal(collections(), 0)
    assert.equal(watchers.length, 1)
  })

  it('are left to V8 if full collections are rare', async () => {
    const { read, collections, fullCollection } = fixture()
    for (let i = 0; i < 10; i++) {
      await read(120)
      fullCollection()
      await read(60)
      fullCollection()
    }
    assert.equal(collections(), 0)
  })

  it('are freed each 2 MB after three full collections, each within 100 MB of the one before', async () => {
    const { read, collections, fullCollection, watchers } = fixture()
    for (let i = 0; i < 3; i++) {
      await read(60)
      assert.equal(collections(), 0)
      fullCollection()
    }
    await read(60)
    assert.equal(collections(), 30)
    assert.equal(watchers.length, 0)
  })

  it('are freed once after the turn, however much is read in it', async () => {
    const { buffers, read, collections, fullCollection } = fixture()
    await read(2)
    for (let i = 0; i < 3; i++) fullCollection()
    for (let i = 0; i < 50; i++) buffers.add(MB)
    assert.equal(collections(), 0)
    await nextTurn()
    assert.equal(collections(), 1)
  })
})
