/**
 * Bytes of one packet, encoded once and shared between all who receive it.
 * Owns the bytes and the hole for the packet identifier; must not know connections.
 */

/** An encoded packet, with a hole where each receiver's packet identifier goes. */
export class Frame {
  readonly bytes: Buffer
  /** Where the packet identifier goes in `bytes`; 0 means that there is none. */
  readonly idOffset: number
  /** A large payload, written behind `bytes` without ever being copied. */
  readonly payload: Buffer | undefined

  constructor(bytes: Buffer, idOffset: number, payload: Buffer | undefined) {
    this.bytes = bytes
    this.idOffset = idOffset
    this.payload = payload
  }

  /** Size of the packet in bytes, what a Maximum Packet Size counts. */
  get length(): number {
    return this.payload === undefined ? this.bytes.length : this.bytes.length + this.payload.length
  }

  /**
   * Writes the whole packet into `target` and fills the hole.
   * @returns the offset behind the packet
   */
  copyTo(target: Buffer, offset: number, packetId: number): number {
    const end = this.copyHeadTo(target, offset, packetId)
    if (this.payload === undefined) return end
    target.set(this.payload, end)
    return end + this.payload.length
  }

  /**
   * Writes all but the separate payload into `target` and fills the hole.
   * @returns the offset behind it
   */
  copyHeadTo(target: Buffer, offset: number, packetId: number): number {
    target.set(this.bytes, offset)
    if (this.idOffset !== 0) {
      target[offset + this.idOffset] = packetId >> 8
      target[offset + this.idOffset + 1] = packetId
    }
    return offset + this.bytes.length
  }
}
