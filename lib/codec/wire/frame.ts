/**
 * Bytes of one packet, encoded once and shared between all who receive it.
 * Owns where the bytes are and the hole for the packet identifier; must not know connections.
 */

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
  /** Bytes of the payload of a PUBLISH, wherever it is. */
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

/** A view of memory from `start` to `end`, or the memory itself where that is all. */
export function view(memory: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === memory.length ? memory : memory.subarray(start, end)
}
