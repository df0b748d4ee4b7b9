/**
 * Splits a byte stream into MQTT packets as cheaply as possible: no objects, only positions in the chunk. It trusts the
 * broker, and knows no client.
 */

export interface PacketSink {
  /**
   * Called with a packet: its first byte, and the position of its body in `bytes`, which are valid during the call
   * only.
   */
  packet(first: number, bytes: Buffer, body: number, end: number): void
  /** The chunk was processed. */
  chunkEnd(): void
}

export class Scanner {
  readonly #sink: PacketSink
  #rest: Buffer | undefined

  constructor(sink: PacketSink) {
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    const used = this.#scan(bytes)
    this.#rest = used === bytes.length ? undefined : Buffer.from(bytes.subarray(used))
    this.#sink.chunkEnd()
  }

  #scan(bytes: Buffer): number {
    let start = 0
    while (start + 2 <= bytes.length) {
      let at = start + 1
      let byte = bytes[at++]!
      let length = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        if (at === bytes.length) return start
        byte = bytes[at++]!
        length |= (byte & 0x7f) << shift
      }
      const end = at + length
      if (end > bytes.length) return start
      this.#sink.packet(bytes[start]!, bytes, at, end)
      start = end
    }
    return start
  }
}
