/**
 * A cache of short ASCII strings: topics, content types and names of user properties repeat often, and a cached string
 * is neither allocated nor hashed again. Owns the memory, which is bounded; must not know what the strings mean.
 */
import type { NodeBuffer } from './node-buffer.js'

/** Longer strings rarely repeat. */
export const CACHED_LENGTH = 64
const SLOTS = 4096

const slots = new Array<string>(SLOTS).fill('')
/** The bytes of the strings, so that a comparison does not access them. */
const spellings = new Uint8Array(SLOTS * CACHED_LENGTH)

/**
 * Returns the string of the bytes.
 * @param hash of the bytes; strings with the same hash replace each other
 * @param bytes ASCII from `start` to `end`, which are {@link CACHED_LENGTH} bytes at most
 */
export function cachedString(hash: number, bytes: NodeBuffer, start: number, end: number): string {
  const slot = hash & (SLOTS - 1)
  const spelling = slot * CACHED_LENGTH
  const length = end - start
  const cached = slots[slot]!
  if (cached.length === length && isSame(bytes, start, spelling, length)) return cached
  const text = bytes.latin1Slice(start, end)
  slots[slot] = text
  for (let i = 0; i < length; i++) spellings[spelling + i] = bytes[start + i]!
  return text
}

function isSame(bytes: NodeBuffer, start: number, spelling: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== spellings[spelling + i]) return false
  }
  return true
}
