/**
 * Reads DER, as far as certificates and revocation lists need it. Owns lengths and tags; knows no structure. Invalid
 * input throws a RangeError.
 */

/** One value: its tag, its content, and all its bytes. */
export interface DerValue {
  readonly tag: number
  readonly content: Buffer
  readonly bytes: Buffer
}

export const Tag = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18, version: 0xa0 } as const

/** The consecutive values in some bytes. */
export function readAll(bytes: Buffer): DerValue[] {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const value = readAt(bytes, at)
    values.push(value)
    at += value.bytes.length
  }
  return values
}

/** The values within a sequence. */
export function readSequence(value: DerValue | undefined): DerValue[] {
  if (value?.tag !== Tag.sequence) throw new RangeError('a sequence was expected')
  return readAll(value.content)
}

/** A time; years of two digits are from 1950 on. */
export function readTime({ tag, content }: DerValue): number {
  const text = content.toString('latin1')
  const long = tag === Tag.generalizedTime ? text : `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(long) ?? []
  if (year === undefined) throw new RangeError('a time was expected')
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
}

function readAt(bytes: Buffer, at: number): DerValue {
  const tag = bytes.readUInt8(at)
  const first = bytes.readUInt8(at + 1)
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || lengthBytes > 4) throw new RangeError('a length that DER does not have')
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
  const start = at + 2 + lengthBytes
  if (start + length > bytes.length) throw new RangeError('longer than what is there')
  return { tag, content: bytes.subarray(start, start + length), bytes: bytes.subarray(at, start + length) }
}
