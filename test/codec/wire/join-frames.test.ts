/** Joining frames: wherever their memory lies, the result has their bytes in order, with packet ids inserted. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Frame } from '../../../lib/codec/wire/frame.js'
import { joinFrames } from '../../../lib/codec/wire/join-frames.js'

/** One buffer: packets side by side, with gaps if `gap` is not 0. */
const stretch = fc.array(
  fc.record({
    length: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 5000 })).map(length => length + 4),
    gap: fc.nat({ max: 1 }),
    hasHole: fc.boolean(),
    payload: fc.option(
      fc.nat({ max: 3000 }).map(length => Buffer.alloc(length, 'p')),
      { freq: 6, nil: undefined },
    ),
  }),
  { minLength: 1, maxLength: 6 },
)

interface Part {
  length: number
  gap: number
  hasHole: boolean
  payload: Buffer | undefined
}

function framesOf(packets: Part[]): Frame[] {
  const size = packets.reduce((sum, { length, gap }) => sum + length + gap, 0)
  const memory = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) % 251))
  let at = 0
  return packets.map(({ length, gap, hasHole, payload }) => {
    const start = at
    at += length + gap
    return new Frame(memory, start, start + length, hasHole ? 2 : 0, payload)
  })
}

/** The bytes of one frame. */
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
          const joined = Buffer.concat(joinFrames(frames, packetIds))
          assert.deepEqual(joined, Buffer.concat(frames.map((frame, i) => alone(frame, packetIds[i]!))))
          for (const [i, { memory }] of frames.entries()) assert.deepEqual(memory, untouched[i])
        },
      ),
    )
  })

  it('are not copied if they are adjacent and have no hole', () => {
    const memory = Buffer.alloc(30)
    const frames = [0, 10, 20].map(start => new Frame(memory, start, start + 10, 0, undefined))
    const [middle] = joinFrames(frames.slice(1), [0, 0])
    assert.deepEqual([middle!.buffer, middle!.length], [memory.buffer, 20])
    assert.equal(joinFrames(frames, [0, 0, 0])[0], memory)
  })

  it('are separate pieces if they are large, and so are separate payloads', () => {
    const small = Frame.of(Buffer.alloc(10))
    const large = Frame.of(Buffer.alloc(5000))
    const payload = Buffer.alloc(3000)
    const withPayload = new Frame(Buffer.alloc(12), 0, 12, 0, payload)
    const pieces = joinFrames([small, small, large, small, withPayload, small], Array(6).fill(0))
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [20, 5000, 22, 3000, 10],
    )
    assert.equal(pieces[1], large.bytes)
    assert.equal(pieces[3], payload)
  })
})
