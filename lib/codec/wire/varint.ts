/** Variable Byte Integers (1.5.5): their size, and writing them. Must not know packets. */

/** The number of bytes that a value takes. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}

/** Writes a value. @returns the offset after it */
export function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset
  let rest = value
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}
