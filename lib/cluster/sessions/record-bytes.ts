/** Encodes plain values and buffers as JSON for session records. Must not know what the values mean. */

const BUFFER = '$bytes'

export function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(withTexts(value)))
}

export function contentOf<T>(bytes: Uint8Array): T {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const value: unknown = JSON.parse(text)
  // most records have no buffers: skips the search, so that a resumed session does not wait for it
  return (text.includes(BUFFER) ? withBuffers(value) : value) as T
}

/** Encodes buffers as text; JSON.stringify calls `toJSON` of an object before this replacer. */
function withTexts(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [BUFFER]: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(withTexts)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withTexts(each)]))
}

function withBuffers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null) return value
  const text = (value as Record<string, unknown>)[BUFFER]
  if (typeof text === 'string') return Buffer.from(text, 'base64')
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withBuffers(each)]))
}
