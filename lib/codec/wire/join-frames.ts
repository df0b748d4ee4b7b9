/**
 * Joins frames that are sent together, into few buffers and with little copying.
 * Owns the choice between a copy and a view; must not know streams.
 */
import { type Frame, view } from './frame.js'

/** Below this size, a loop is faster than the view that `set` needs. */
const SHORT = 100

/** From this size on, contiguous frames without holes are cheaper as a separate buffer than as a copy. */
const LARGE = 2048

/**
 * Returns the buffers to write. Small frames are joined by copying; large and contiguous ones become views.
 * @param packetIds for the holes, one per frame
 */
export function joinFrames(frames: Frame[], packetIds: number[]): Buffer[] {
  const pieces: Buffer[] = []
  /** The first frame that is not joined yet. */
  let from = 0
  let at = 0
  while (at < frames.length) {
    const next = endOfRun(frames, at, frames.length)
    const { payload, end } = frames[next - 1]!
    const isLarge = end - frames[at]!.start > LARGE && !hasHole(frames, at, next)
    if (isLarge && from < at) {
      pieces.push(joinHeads(frames, packetIds, from, at))
      from = at
    }
    if (isLarge || payload !== undefined || next === frames.length) {
      pieces.push(joinHeads(frames, packetIds, from, next))
      from = next
    }
    if (payload !== undefined) pieces.push(payload)
    at = next
  }
  return pieces
}

/** Joins the frames from `from` to before `to`, without their separate payloads. */
function joinHeads(frames: Frame[], packetIds: number[], from: number, to: number): Buffer {
  if (endOfRun(frames, from, to) === to && !hasHole(frames, from, to)) {
    return from + 1 === to ? frames[from]!.bytes : view(frames[from]!.memory, frames[from]!.start, frames[to - 1]!.end)
  }
  let length = 0
  for (let i = from; i < to; i++) length += frames[i]!.end - frames[i]!.start
  const joined = Buffer.allocUnsafe(length)
  copyHeads(frames, packetIds, from, to, joined, 0)
  return joined
}

/** Copies contiguous frames at once, then fills the holes. @returns the offset after the last one */
function copyHeads(
  frames: Frame[],
  packetIds: number[],
  from: number,
  to: number,
  target: Buffer,
  offset: number,
): number {
  let at = offset
  let next = from
  while (next < to) {
    const begin = next
    const { memory, start } = frames[begin]!
    next = endOfRun(frames, begin, to)
    const { end } = frames[next - 1]!
    copyBytes(memory, start, end, target, at)
    for (let i = begin; i < next; i++) {
      const { idOffset, start: frameStart } = frames[i]!
      if (idOffset !== 0) {
        const hole = at + frameStart - start + idOffset
        target[hole] = packetIds[i]! >> 8
        target[hole + 1] = packetIds[i]!
      }
    }
    at += end - start
  }
  return at
}

/** The end of a run of frames that are contiguous in memory. A separate payload ends the run. */
function endOfRun(frames: Frame[], from: number, to: number): number {
  let last = frames[from]!
  for (let i = from + 1; i < to; i++) {
    const frame = frames[i]!
    if (frame.memory !== last.memory || frame.start !== last.end || last.payload !== undefined) return i
    last = frame
  }
  return to
}

function hasHole(frames: Frame[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (frames[i]!.idOffset !== 0) return true
  return false
}

function copyBytes(source: Buffer, start: number, end: number, target: Buffer, offset: number): void {
  if (end - start > SHORT) {
    target.set(source.subarray(start, end), offset)
    return
  }
  const shift = offset - start
  for (let i = start; i < end; i++) target[i + shift] = source[i]!
}
