/** Waiting chunks: those that were read are released, in whatever way they are read. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChunkQueue } from '../../../lib/codec/wire/chunk-queue.js'
import { collect } from '../../support/collect.js'

/** A chunk that only the queue holds. */
function pushed(queue: ChunkQueue): WeakRef<Buffer> {
  const chunk = Buffer.alloc(65_536)
  queue.push(chunk)
  return new WeakRef(chunk)
}

describe('a queue of chunks', () => {
  for (const [how, take] of [
    ['taken out', (queue: ChunkQueue) => void queue.shift()],
    ['read', (queue: ChunkQueue) => queue.read(Buffer.alloc(65_536))],
  ] as const) {
    it(`releases a chunk that was ${how}, while others wait`, async () => {
      const queue = new ChunkQueue()
      const first = pushed(queue)
      const second = pushed(queue)
      take(queue)
      // an object that a WeakRef has returned stays alive until the end of the turn
      await new Promise<void>(resolve => setImmediate(resolve))
      collect()
      assert.equal(first.deref(), undefined)
      assert.notEqual(second.deref(), undefined)
      assert.equal(queue.length, 65_536)
    })
  }
})
