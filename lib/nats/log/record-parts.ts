/**
 * Splits a session record that is too large for one message of the engine, and joins it again. Owns the names and the
 * heads of the parts; must not know subjects.
 *
 * The first part has the record's name, and begins with the number of parts. The others are called `name-1`, `name-2`,
 * …
 */

const COUNT_BYTES = 2
/** The name of the record with a client identifier that is too long for a subject. It has no parts. */
export const CLIENT_ID = '-id'

/** One message of a record; without a body, it removes the part. */
export interface RecordPart {
  readonly name: string
  readonly body: Uint8Array | undefined
}

/** Name of each stored record of a client -> the number of its parts. */
export type PartCounts = Map<string, number>

/**
 * @param body undefined removes the record
 * @param counts the stored parts; updated
 */
export function partsOf(
  name: string,
  body: Uint8Array | undefined,
  maxBytes: number,
  counts: PartCounts,
): RecordPart[] {
  const before = counts.get(name) ?? 1
  const parts: RecordPart[] = body === undefined ? [{ name, body }] : split(name, body, maxBytes)
  const after = parts.length
  for (let index = after; index < before; index++) parts.push({ name: `${name}-${index}`, body: undefined })
  if (body === undefined) counts.delete(name)
  else counts.set(name, after)
  return parts
}

/**
 * @param parts the stored parts: body by name
 * @param counts receives the number of parts
 */
export function joinParts(parts: ReadonlyMap<string, Uint8Array>, counts: PartCounts): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>()
  for (const [name, first] of parts) {
    if (name.includes('-')) continue
    const head = Buffer.from(first.buffer, first.byteOffset, first.byteLength)
    const count = head.readUInt16BE(0)
    const others = Array.from({ length: count - 1 }, (_, index) => parts.get(`${name}-${index + 1}`)!)
    records.set(name, count === 1 ? head.subarray(COUNT_BYTES) : Buffer.concat([head.subarray(COUNT_BYTES), ...others]))
    counts.set(name, count)
  }
  return records
}

function split(name: string, body: Uint8Array, maxBytes: number): RecordPart[] {
  const firstBytes = maxBytes - COUNT_BYTES
  const count = 1 + Math.max(0, Math.ceil((body.length - firstBytes) / maxBytes))
  const first = Buffer.allocUnsafe(COUNT_BYTES + Math.min(body.length, firstBytes))
  first.writeUInt16BE(count)
  first.set(body.subarray(0, firstBytes), COUNT_BYTES)
  const parts: RecordPart[] = [{ name, body: first }]
  for (let index = 1; index < count; index++) {
    const start = firstBytes + (index - 1) * maxBytes
    parts.push({ name: `${name}-${index}`, body: body.subarray(start, start + maxBytes) })
  }
  return parts
}
