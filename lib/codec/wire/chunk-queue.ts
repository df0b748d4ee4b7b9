/**
 * Chunks that arrived and are not decoded yet, in order.
 * Owns how they are kept and joined; must not know what they mean.
 */

/** Chunks below this size are gathered in blocks, so that a sender of single bytes does not cost an object for each. */
const SMALL = 512
const BLOCK = 8192
/** So many chunks may wait before small ones are gathered: usually the next packet is complete long before. */
const PATIENCE = 8
/** In the place of a chunk that was read. */
const GONE = Buffer.alloc(0)

export class ChunkQueue {
  #chunks: Buffer[] = []
  #first = 0
  #length = 0
  /** Where small chunks go: the last of the chunks is the part of it that is filled; undefined when there is none. */
  #block: Buffer | undefined
  #used = 0

  /** Bytes waiting. */
  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#length += chunk.length
    if (chunk.length < SMALL && this.#chunks.length - this.#first >= PATIENCE) this.#gather(chunk)
    else {
      this.#chunks.push(chunk)
      this.#block = undefined
    }
  }

  /** Takes the first chunk out; there must be one. */
  shift(): Buffer {
    const chunk = this.#chunks[this.#first]!
    this.#drop()
    this.#length -= chunk.length
    return chunk
  }

  /** Takes the first `target.length` bytes out and copies them; they must be there. */
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

  /** Forgets the first chunk. The array is moved up only when half of it is empty, so that no order of calls is quadratic. */
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
