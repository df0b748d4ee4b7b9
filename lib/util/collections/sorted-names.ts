/**
 * A set of names sorted by their UTF-8 bytes, which can be read page by page while it changes. Adding a name to a
 * million takes as long as adding one to a thousand. Must not know what the names refer to.
 */

/** A chunk with more names is split. */
const CHUNK = 512

/** A set of names, sorted. */
export class SortedNames {
  /** Chunks of sorted names, none of them empty. */
  readonly #chunks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a name, unless the set has it. */
  add(name: string): void {
    const at = this.#chunkOf(name)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([name])
      this.#size++
      return
    }
    const place = placeOf(chunk, name)
    if (chunk[place] === name) return
    chunk.splice(place, 0, name)
    this.#size++
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length >> 1))
  }

  delete(name: string): void {
    const at = this.#chunkOf(name)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return
    const place = placeOf(chunk, name)
    if (chunk[place] !== name) return
    chunk.splice(place, 1)
    this.#size--
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  /** Up to `limit` names after the given one, or from the first name if that is undefined. */
  after(name: string | undefined, limit: number): string[] {
    const found: string[] = []
    let at = name === undefined ? 0 : this.#chunkOf(name)
    for (; at < this.#chunks.length && found.length < limit; at++) {
      const chunk = this.#chunks[at]!
      let place = name === undefined ? 0 : placeOf(chunk, name)
      if (chunk[place] === name) place++
      for (; place < chunk.length && found.length < limit; place++) found.push(chunk[place]!)
    }
    return found
  }

  /** The chunk that has the name or would have it; the last chunk if the name sorts after all others. */
  #chunkOf(name: string): number {
    const chunks = this.#chunks
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareNames(chunks[middle]!.at(-1)!, name) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Compares names by their UTF-8 bytes. */
export function compareNames(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  let i = 0
  while (i < length && one.charCodeAt(i) === other.charCodeAt(i)) i++
  if (i === length) return one.length - other.length
  return rankOf(one.charCodeAt(i)) - rankOf(other.charCodeAt(i))
}

/** Characters that take two units in UTF-16 sort after all others in UTF-8. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x1_0000 : unit
}

function placeOf(sorted: readonly string[], name: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareNames(sorted[middle]!, name) < 0) low = middle + 1
    else high = middle
  }
  return low
}
