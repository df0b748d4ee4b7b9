/**
 * A minimal WebSocket client that trusts its server: the upgrade, the header of a binary frame with an all-zero mask
 * (so that prepared bytes stay unchanged), and the payload of received frames.
 */

export const UPGRADE = Buffer.from(
  [
    'GET / HTTP/1.1',
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: mqtt',
    '',
    '',
  ].join('\r\n'),
)

const HEAD_END = Buffer.from('\r\n\r\n')

/** A binary frame around `bytes`. */
export function wrap(bytes: Buffer): Buffer {
  const { length } = bytes
  const head = length < 126 ? [0x82, 0x80 | length] : [0x82, 0xfe, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), bytes])
}

/** Removes the frame headers of the server, and passes the contents on in pieces as they arrive. */
export class Unwrapper {
  readonly #onUpgraded: () => void
  readonly #onBytes: (bytes: Buffer) => void
  #rest: Buffer | undefined
  #upgraded = false
  #left = 0

  constructor(onUpgraded: () => void, onBytes: (bytes: Buffer) => void) {
    this.#onUpgraded = onUpgraded
    this.#onBytes = onBytes
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    if (!this.#upgraded) {
      const headEnd = bytes.indexOf(HEAD_END)
      if (headEnd >= 0) {
        this.#upgraded = true
        bytes = bytes.subarray(headEnd + HEAD_END.length)
        this.#onUpgraded()
      }
    }
    const used = this.#upgraded ? this.#frames(bytes) : 0
    this.#rest = used === bytes.length ? undefined : Buffer.from(bytes.subarray(used))
  }

  #frames(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length) {
      if (this.#left === 0) {
        const length = frameLength(bytes, at)
        if (length === undefined) return at
        this.#left = length.payload
        at += length.head
      }
      const end = Math.min(at + this.#left, bytes.length)
      if (end > at) this.#onBytes(bytes.subarray(at, end))
      this.#left -= end - at
      at = end
    }
    return at
  }
}

function frameLength(bytes: Buffer, at: number): { head: number; payload: number } | undefined {
  const available = bytes.length - at
  if (available < 2) return undefined
  const short = bytes[at + 1]! & 0x7f
  if (short < 126) return { head: 2, payload: short }
  if (short === 126) return available < 4 ? undefined : { head: 4, payload: bytes.readUInt16BE(at + 2) }
  return available < 10 ? undefined : { head: 10, payload: Number(bytes.readBigUInt64BE(at + 2)) }
}
