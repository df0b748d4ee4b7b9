/**
 * Names in the order of their UTF-8 bytes, so that they can be read page by page while they change: adding one takes
 * as long among a million as among a thousand. Must not know what the names are of.
 */

/** A chunk that grows beyond this is split. */
const CHUNK = 512

/** A set of names, sorted. */
export class SortedNames {
  /** Chunks of sorted names, none of them empty. */
  readonly #chunks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a name; one that is there already is left alone. */
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

  /** The next names behind one, at most `limit`; from the first name on if that is undefined. */
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

  /** The chunk in which a name is, or would be; the last one if it is behind all. */
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

/** Characters that UTF-16 writes as two units come behind all others in UTF-8. */
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
