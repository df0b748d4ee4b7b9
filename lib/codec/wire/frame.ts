/**
 * The bytes of one packet, encoded once and shared by all receivers.
 * Owns the position of the bytes and of the packet identifier; must not know connections.
 */

/** Payloads up to this many bytes are copied behind the head: one buffer to write instead of two. */
export const INLINE_PAYLOAD = 2048

/** An encoded packet, with a hole for the packet identifier of each receiver. */
export class Frame {
  /** Memory that other packets share: a view per packet would cost as much as encoding it. */
  readonly memory: Buffer
  /** The packet is from here … */
  readonly start: number
  /** … to here, without the separate payload. */
  readonly end: number
  /** Offset of the packet identifier from `start`; 0 if there is none. */
  readonly idOffset: number
  /** A large payload, which is written after the rest without being copied. */
  readonly payload: Buffer | undefined
  /** Bytes of the payload of a PUBLISH, in `memory` or separate. */
  readonly payloadLength: number
  #bytes: Buffer | undefined

  constructor(
    memory: Buffer,
    start: number,
    end: number,
    idOffset: number,
    payload: Buffer | undefined,
    payloadLength = 0,
  ) {
    this.memory = memory
    this.start = start
    this.end = end
    this.idOffset = idOffset
    this.payload = payload
    this.payloadLength = payloadLength
  }

  /** Creates a frame for a packet in memory of its own. */
  static of(bytes: Buffer, idOffset = 0): Frame {
    return new Frame(bytes, 0, bytes.length, idOffset, undefined)
  }

  /** Size of the packet in bytes, as Maximum Packet Size counts it. */
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
   * @returns the offset after the packet
   */
  copyTo(target: Buffer, offset: number, packetId: number): number {
    target.set(this.bytes, offset)
    if (this.idOffset !== 0) {
      target[offset + this.idOffset] = packetId >> 8
      target[offset + this.idOffset + 1] = packetId
    }
    const end = offset + this.end - this.start
    if (this.payload === undefined) return end
    target.set(this.payload, end)
    return end + this.payload.length
  }
}

/** A view of memory from `start` to `end`, or the memory itself if that is all of it. */
export function view(memory: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === memory.length ? memory : memory.subarray(start, end)
}
