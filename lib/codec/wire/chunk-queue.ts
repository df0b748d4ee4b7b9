/**
 * A queue of received chunks that are not decoded yet.
 * Owns their storage and joining; must not know their content.
 */

/** Smaller chunks are copied into blocks, so that single bytes do not cost an object each. */
const SMALL = 512
const BLOCK = 8192
/**
 * The number of waiting chunks from which on small ones are copied. Usually the next packet is complete long before.
 */
const PATIENCE = 8
/** Replaces a chunk that was read. */
const GONE = Buffer.alloc(0)

export class ChunkQueue {
  #chunks: Buffer[] = []
  #first = 0
  #length = 0
  /** The block for small chunks, whose filled part is the last chunk; undefined if there is none. */
  #block: Buffer | undefined
  #used = 0
  #isCollecting = false

  /** Whether the block collects all chunks until it is full. */
  get isCollecting(): boolean {
    return this.#isCollecting
  }

  /** The number of waiting bytes. */
  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#length += chunk.length
    if (this.#isCollecting) this.#collectFrom(chunk)
    else this.#keep(chunk)
  }

  /**
   * Assembles the next bytes in one block as they arrive, because joining very many chunks at the end takes long. Fewer
   * than that must be waiting.
   * @param head bytes in front of the waiting ones
   * @param bytes size of the block
   */
  collect(head: Buffer, bytes: number): void {
    const block = Buffer.allocUnsafeSlow(bytes)
    const used = head.length + this.#length
    block.set(head)
    this.read(block.subarray(head.length, used))
    this.clear()
    this.#chunks.push(block.subarray(0, used))
    this.#length = used
    this.#block = block
    this.#used = used
    this.#isCollecting = true
  }

  #collectFrom(chunk: Buffer): void {
    const block = this.#block!
    const taken = chunk.subarray(0, block.length - this.#used)
    block.set(taken, this.#used)
    this.#used += taken.length
    this.#chunks[this.#first] = block.subarray(0, this.#used)
    if (this.#used < block.length) return
    this.#isCollecting = false
    this.#block = undefined
    if (taken.length < chunk.length) this.#keep(chunk.subarray(taken.length))
  }

  #keep(chunk: Buffer): void {
    if (chunk.length < SMALL && this.#chunks.length - this.#first >= PATIENCE) this.#gather(chunk)
    else {
      this.#chunks.push(chunk)
      this.#block = undefined
    }
  }

  /** Removes and returns the first chunk, which must exist. */
  shift(): Buffer {
    const chunk = this.#chunks[this.#first]!
    this.#drop()
    this.#length -= chunk.length
    return chunk
  }

  /** Removes the first `target.length` bytes, which must exist, and copies them to `target`. */
  read(target: Buffer): void {
    for (let at = 0; at < target.length; ) {
      const chunk = this.#chunks[this.#first]!
      const wanted = target.length - at
      if (chunk.length <= wanted) {
        target.set(chunk, at)
        at += chunk.length
        this.#drop()
      } else {
        target.set(chunk.subarray(0, wanted), at)
        at += wanted
        this.#chunks[this.#first] = chunk.subarray(wanted)
      }
    }
    this.#length -= target.length
  }

  clear(): void {
    this.#chunks = []
    this.#first = 0
    this.#length = 0
    this.#block = undefined
    this.#isCollecting = false
  }

  #gather(chunk: Buffer): void {
    if (this.#block === undefined || this.#used + chunk.length > BLOCK) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK)
      this.#used = 0
      this.#chunks.push(this.#block)
    }
    this.#block.set(chunk, this.#used)
    this.#used += chunk.length
    const last = this.#chunks.length - 1
    // Part of the block may have been read already
    const start = this.#used === chunk.length ? 0 : this.#chunks[last]!.byteOffset - this.#block.byteOffset
    this.#chunks[last] = this.#block.subarray(start, this.#used)
  }

  /**
   * Drops the first chunk. The array is compacted only when half of it is empty, so that no order of calls is
   * quadratic.
   */
  #drop(): void {
    this.#chunks[this.#first++] = GONE
    if (this.#first === this.#chunks.length) {
      this.#chunks.length = 0
      this.#first = 0
      this.#block = undefined
    } else if (this.#first > 64 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first)
      this.#first = 0
    }
  }
}
