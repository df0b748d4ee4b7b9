/**
 * The format of a record in the LMDB store: the MessagePack array `[value, checksum]`. The checksum covers the table's
 * name, the key and the value, so it detects changed bytes and records in the wrong place. Knows no table.
 */
import { AnaxError } from '../../../errors.js'
import { checksum } from './checksum.js'

/** The used members of `lmdb`'s encoder. */
export interface ValueEncoder {
  /** @returns a buffer with the bytes: all of it, or from `start` to `end` if it has these */
  encode(value: unknown, mode?: number): Buffer & { start?: number; end?: number }
  decode(bytes: Uint8Array, range: { start?: number; end?: number }): unknown
}

/** Makes the encoder return its own buffer instead of a copy; the next record overwrites it. */
const REUSE_BUFFER = 512 | 1024
/** An array of two elements in MessagePack. */
const PAIR = 0x92
/** A number of 32 bits in MessagePack, and its length. */
const UINT32 = 0xce
const CHECKSUM_BYTES = 5
/** A number that needs 32 bits, as a placeholder for the checksum. */
const PLACEHOLDER = 0xffff_ffff

/** A damaged record. A transaction that reads one is aborted. */
export class DamagedRecord extends AnaxError {
  readonly table: string
  readonly key: Buffer

  constructor(table: string, key: Uint8Array) {
    const bytes = Buffer.from(key)
    super('ANAX_ERR_STORE', { detail: `damaged record in table '${table}', key ${bytes.toString('hex')}` })
    this.table = table
    this.key = bytes
  }
}

/** Encodes the records of one table. */
export class RecordCodec {
  readonly #encoder: ValueEncoder
  readonly #table: string
  readonly #seed: number

  constructor(encoder: ValueEncoder, table: string) {
    this.#encoder = encoder
    this.#table = table
    this.#seed = tableSeed(table)
  }

  /** @returns the record, which is overwritten when the next one is encoded */
  encode(key: Uint8Array, value: unknown): Buffer {
    const bytes = this.#encoder.encode([value, PLACEHOLDER], REUSE_BUFFER)
    const { start = 0, end = bytes.length } = bytes
    const sum = sumOf(this.#seed, key, bytes, start, end)
    writeUInt32(bytes, end - CHECKSUM_BYTES + 1, sum)
    return bytes
  }

  /**
   * Decodes a record.
   * @param bytes begins with the record
   * @param end where the record ends
   * @throws DamagedRecord
   */
  decode(key: Uint8Array, bytes: Uint8Array, end: number): unknown {
    if (!isWholeRecord(this.#seed, key, bytes, end)) throw new DamagedRecord(this.#table, key)
    return this.#encoder.decode(bytes, { start: 1, end: end - CHECKSUM_BYTES })
  }

  /** Creates a record from an encoded value. */
  wrap(key: Uint8Array, encoded: Uint8Array): Buffer {
    const bytes = Buffer.allocUnsafe(1 + encoded.length + CHECKSUM_BYTES)
    bytes[0] = PAIR
    bytes.set(encoded, 1)
    bytes[bytes.length - CHECKSUM_BYTES] = UINT32
    writeUInt32(bytes, bytes.length - CHECKSUM_BYTES + 1, sumOf(this.#seed, key, bytes, 0, bytes.length))
    return bytes
  }
}

/** The seed of a table's checksums. */
export function tableSeed(table: string): number {
  const name = Buffer.from(table)
  return checksum(name, 0, name.length, 0)
}

/**
 * Whether a record is undamaged and belongs to the key.
 * @param seed of the table
 * @param bytes begins with the record
 * @param end where the record ends
 */
export function isWholeRecord(seed: number, key: Uint8Array, bytes: Uint8Array, end: number): boolean {
  if (end <= CHECKSUM_BYTES || bytes[0] !== PAIR || bytes[end - CHECKSUM_BYTES] !== UINT32) return false
  return sumOf(seed, key, bytes, 0, end) === readUInt32(bytes, end - CHECKSUM_BYTES + 1)
}

function sumOf(seed: number, key: Uint8Array, record: Uint8Array, start: number, end: number): number {
  return checksum(record, start + 1, end - CHECKSUM_BYTES, checksum(key, 0, key.length, seed))
}

function readUInt32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function writeUInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
