/**
 * CRC-32 of records. Most records are short, and a call into zlib costs more than a short loop; both give the same
 * value. Knows nothing about the bytes.
 */
import { crc32 } from 'node:zlib'

/** From this length on zlib is faster, measured on Node.js 20 and 24. */
const LONG = 100

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
  return value
})

/**
 * The CRC-32 of a part of some bytes.
 * @param start where the part begins
 * @param end where it ends, exclusive
 * @param seed the CRC-32 of what comes before
 */
export function checksum(bytes: Uint8Array, start: number, end: number, seed: number): number {
  if (end - start > LONG) return crc32(bytes.subarray(start, end), seed)
  let value = ~seed
  for (let at = start; at < end; at++) value = TABLE[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8)
  return ~value >>> 0
}
