/** Joining frames: whatever memory they lie in, what comes out are their bytes in order, holes filled. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Frame, joinHeads } from '../../lib/codec/frame.js'

/** One stretch of memory: packets side by side, with gaps where `gap` is not 0. */
const stretch = fc.array(
  fc.record({ length: fc.nat({ max: 300 }).map(length => length + 4), gap: fc.nat({ max: 1 }), hasHole: fc.boolean() }),
  { minLength: 1, maxLength: 6 },
)

function framesOf(packets: { length: number; gap: number; hasHole: boolean }[]): Frame[] {
  const size = packets.reduce((sum, { length, gap }) => sum + length + gap, 0)
  const memory = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) % 251))
  let at = 0
  return packets.map(({ length, gap, hasHole }) => {
    const start = at
    at += length + gap
    return new Frame(memory, start, start + length, hasHole ? 2 : 0, undefined)
  })
}

/** What one frame is on its own. */
function alone(frame: Frame, packetId: number): Buffer {
  const bytes = Buffer.alloc(frame.length)
  assert.equal(frame.copyTo(bytes, 0, packetId), frame.length)
  return bytes
}

describe('joined frames', () => {
  it('are the frames one after the other', () => {
    fc.assert(
      fc.property(
        fc.array(stretch, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 65_000 }),
        (parts, id) => {
          const frames = parts.flatMap(framesOf)
          const untouched = frames.map(frame => Buffer.from(frame.memory))
          const packetIds = frames.map((_, i) => id + i)
          const length = frames.reduce((sum, frame) => sum + frame.length, 0)
          const joined = joinHeads(frames, packetIds, 0, frames.length, length)
          assert.deepEqual(joined, Buffer.concat(frames.map((frame, i) => alone(frame, packetIds[i]!))))
          for (const [i, { memory }] of frames.entries()) assert.deepEqual(memory, untouched[i])
        },
      ),
    )
  })

  it('are not copied where they lie side by side and have no hole', () => {
    const memory = Buffer.alloc(30)
    const frames = [0, 10, 20].map(start => new Frame(memory, start, start + 10, 0, undefined))
    const sameMemory = joinHeads(frames, [0, 0, 0], 1, 3, 20)
    assert.deepEqual([sameMemory.buffer, sameMemory.length], [memory.buffer, 20])
    assert.equal(joinHeads(frames, [0, 0, 0], 0, 3, 30), memory)
  })
})
