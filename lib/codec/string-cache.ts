/**
 * Short ASCII strings that were seen before: topics, content types and names of user properties come again and again,
 * and a string that is found here is neither allocated nor hashed anew.
 * Owns the memory, which is bounded; must not know what the strings mean.
 */
import type { NodeBuffer } from './wire-reader.js'

/** Longer ones are rarely the same again. */
export const CACHED_LENGTH = 64
const SLOTS = 4096

const slots = new Array<string>(SLOTS).fill('')

/**
 * The string that the bytes spell.
 * @param hash of the bytes; two strings with the same one take turns
 * @param bytes ASCII from `start` to `end`
 */
export function cachedString(hash: number, bytes: NodeBuffer, start: number, end: number): string {
  const slot = hash & (SLOTS - 1)
  const cached = slots[slot]!
  if (cached.length === end - start && spells(bytes, start, cached)) return cached
  const text = bytes.latin1Slice(start, end)
  slots[slot] = text
  return text
}

/** Whether the bytes from `start` are the characters of an ASCII string. */
function spells(bytes: NodeBuffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false
  }
  return true
}
