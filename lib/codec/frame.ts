/**
 * Bytes of one packet, encoded once and shared between all who receive it.
 * Owns where the bytes are and the hole for the packet identifier; must not know connections.
 */

/** Below this many bytes a loop is quicker than the view that `set` needs. */
const SHORT = 100

/** An encoded packet, with a hole where each receiver's packet identifier goes. */
export class Frame {
  /** Memory with other packets in it as well: a view for each packet would cost as much as encoding it. */
  readonly memory: Buffer
  /** The packet is from here … */
  readonly start: number
  /** … to here, without the separate payload. */
  readonly end: number
  /** Where the packet identifier goes, counted from `start`; 0 means that there is none. */
  readonly idOffset: number
  /** A large payload, written behind the rest without ever being copied. */
  readonly payload: Buffer | undefined
  #bytes: Buffer | undefined

  constructor(memory: Buffer, start: number, end: number, idOffset: number, payload: Buffer | undefined) {
    this.memory = memory
    this.start = start
    this.end = end
    this.idOffset = idOffset
    this.payload = payload
  }

  /** A packet that has its memory to itself. */
  static of(bytes: Buffer, idOffset = 0): Frame {
    return new Frame(bytes, 0, bytes.length, idOffset, undefined)
  }

  /** Size of the packet in bytes, what a Maximum Packet Size counts. */
  get length(): number {
    return this.payload === undefined ? this.end - this.start : this.end - this.start + this.payload.length
  }

  /** A view of the packet, without the separate payload. */
  get bytes(): Buffer {
    this.#bytes ??= view(this.memory, this.start, this.end)
    return this.#bytes
  }

  /**
   * Writes the whole packet into `target` and fills the hole.
   * @returns the offset behind the packet
   */
  copyTo(target: Buffer, offset: number, packetId: number): number {
    const end = copyHeads([this], [packetId], 0, 1, target, offset)
    if (this.payload === undefined) return end
    target.set(this.payload, end)
    return end + this.payload.length
  }
}

/**
 * The frames from `from` to before `to` as one piece of `length` bytes, without their separate payloads.
 * Where they lie side by side already, it is a view of them.
 * @param packetIds for the holes, one per frame
 */
export function joinHeads(frames: Frame[], packetIds: number[], from: number, to: number, length: number): Buffer {
  if (endOfRun(frames, from, to) === to && !hasHole(frames, from, to)) {
    return from + 1 === to ? frames[from]!.bytes : view(frames[from]!.memory, frames[from]!.start, frames[to - 1]!.end)
  }
  const joined = Buffer.allocUnsafe(length)
  copyHeads(frames, packetIds, from, to, joined, 0)
  return joined
}

/** Copies what lies side by side at once, then fills the holes. @returns the offset behind the last */
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

/** The index behind the last frame that follows its predecessor in memory. */
function endOfRun(frames: Frame[], from: number, to: number): number {
  let last = frames[from]!
  for (let i = from + 1; i < to; i++) {
    const frame = frames[i]!
    if (frame.memory !== last.memory || frame.start !== last.end) return i
    last = frame
  }
  return to
}

function hasHole(frames: Frame[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (frames[i]!.idOffset !== 0) return true
  return false
}

function view(memory: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === memory.length ? memory : memory.subarray(start, end)
}

function copyBytes(source: Buffer, start: number, end: number, target: Buffer, offset: number): void {
  if (end - start > SHORT) {
    target.set(source.subarray(start, end), offset)
    return
  }
  const shift = offset - start
  for (let i = start; i < end; i++) target[i + shift] = source[i]!
}
