/**
 * Bytes of incomplete packets, of all connections together. Owns their limit: when it is exceeded, the connection that
 * holds most is ended, however fast or slowly its bytes arrived. Must not know packets.
 */

/** The incomplete bytes of one connection. */
export class IncompletePacket {
  bytes = 0
  /** Called when the limit is exceeded and the connection holds most: it must release its bytes immediately. */
  readonly end: () => void

  constructor(end: () => void) {
    this.end = end
  }
}

/** Sizes are grouped by their highest bit. */
const BITS = 32

export class IncompletePackets {
  readonly maxBytes: number
  #bytes = 0
  /** By the highest bit of the size: finding a large one takes constant time. */
  readonly #bySize: (Set<IncompletePacket> | undefined)[] = Array.from({ length: BITS + 1 })

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Bytes of all connections. */
  get bytes(): number {
    return this.#bytes
  }

  /** Sets the bytes that a connection holds. */
  hold(packet: IncompletePacket, bytes: number): void {
    this.#set(packet, bytes)
    while (this.#bytes > this.maxBytes) {
      const largest = this.#largest()
      this.#set(largest, 0)
      largest.end()
    }
  }

  #set(packet: IncompletePacket, bytes: number): void {
    const before = packet.bytes
    if (before === bytes) return
    packet.bytes = bytes
    this.#bytes += bytes - before
    if (sizeOf(before) === sizeOf(bytes)) return
    this.#bySize[sizeOf(before)]?.delete(packet)
    if (bytes > 0) this.#add(packet)
  }

  #add(packet: IncompletePacket): void {
    const size = sizeOf(packet.bytes)
    const packets = this.#bySize[size] ?? new Set()
    this.#bySize[size] = packets
    packets.add(packet)
  }

  /** One that holds at least half as much as the largest. */
  #largest(): IncompletePacket {
    const [largest] = this.#bySize.findLast(packets => packets !== undefined && packets.size > 0)!
    return largest!
  }
}

/** 0 for nothing. */
function sizeOf(bytes: number): number {
  return BITS - Math.clz32(bytes)
}
