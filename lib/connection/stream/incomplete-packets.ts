/**
 * Bytes of packets that have not come in full, of all connections together. Owns their bound: when it is exceeded, the
 * connection that holds most is told to end, however fast or slowly its bytes came. Must not know packets.
 */

/** The incomplete bytes of one connection. */
export class IncompletePacket {
  bytes = 0
  /** Called when the connection holds most of all, and all hold too much: it has to let go at once. */
  readonly end: () => void

  constructor(end: () => void) {
    this.end = end
  }
}

/** Sizes are told apart by their highest bit. */
const BITS = 32

export class IncompletePackets {
  readonly maxBytes: number
  #bytes = 0
  /** By the highest bit of what they hold: finding a large one takes no search, however many there are. */
  readonly #bySize: (Set<IncompletePacket> | undefined)[] = Array.from({ length: BITS + 1 })

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Of all connections. */
  get bytes(): number {
    return this.#bytes
  }

  /** A connection holds so many bytes now. */
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

  /** One that holds at least half of what the largest does. */
  #largest(): IncompletePacket {
    const [largest] = this.#bySize.findLast(packets => packets !== undefined && packets.size > 0)!
    return largest!
  }
}

/** 0 for nothing. */
function sizeOf(bytes: number): number {
  return BITS - Math.clz32(bytes)
}
