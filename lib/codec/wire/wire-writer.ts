/**
 * Writes the data types of MQTT (1.5) into slabs of memory, of which finished packets are views.
 * Must not know packets. Throws ANAX_ERR_ARGUMENT for values that the host must not send.
 */
import { AnaxError } from '../../errors.js'
import { Frame } from './frame.js'
import type { NodeBuffer } from './node-buffer.js'
import { putVarint, varintSize } from './varint.js'

/** Size of the slabs. Larger slabs mean fewer allocations; but one retained packet retains its slab. */
const SLAB = 8_192
const VARINT_MAX = 268_435_455
const STRING_MAX = 65_535
const LONE_SURROGATE = /\p{Surrogate}/u

const EMPTY = Buffer.alloc(0) as NodeBuffer

/** Writes one packet at a time: {@link begin}, the content, {@link finish}. */
export class WireWriter {
  #slab = EMPTY
  /** Start of the current packet, right after the previous one. */
  #begin = 0
  /** Bytes reserved for its fixed header. */
  #header = 0
  #pos = 0

  /**
   * Begins a packet. An unfinished one is discarded.
   * @param expected estimated length of the content: a correct estimate avoids moving the content
   */
  begin(expected: number): void {
    this.#pos = this.#begin
    this.#header = 1 + varintSize(expected)
    this.#reserve(this.#header)
    this.#pos += this.#header
  }

  /** Bytes of content written so far. */
  get offset(): number {
    return this.#pos - this.#begin - this.#header
  }

  /**
   * Ends the packet.
   * @param hole offset of the packet identifier, which differs for each receiver
   * @param payload part of the packet that is sent from other memory
   */
  finish(firstByte: number, hole?: number, payload?: Buffer, payloadLength = 0): Frame {
    const length = payload === undefined ? this.offset : this.offset + payload.length
    if (length > VARINT_MAX) throw refuse(`a packet of ${length} bytes`)
    this.#fitHeader(1 + varintSize(length))
    const memory = this.#slab
    const start = this.#begin
    memory[start] = firstByte
    putVarint(memory, start + 1, length)
    const idOffset = hole === undefined ? 0 : this.#header + hole
    const frame = new Frame(memory, start, this.#pos, idOffset, payload, payloadLength)
    this.#begin = this.#pos
    if (memory.length > SLAB) {
      this.#slab = EMPTY
      this.#begin = 0
    }
    return frame
  }

  /** Moves the content if the header needs more or less space than was reserved. */
  #fitHeader(size: number): void {
    const more = size - this.#header
    if (more === 0) return
    if (more > 0) this.#reserve(more)
    const content = this.#begin + this.#header
    this.#slab.copyWithin(content + more, content, this.#pos)
    this.#header = size
    this.#pos += more
  }

  uint8(value: number): void {
    this.#reserve(1)
    this.#slab[this.#pos++] = value
  }

  uint16(value: number): void {
    this.#reserve(2)
    this.#slab[this.#pos++] = value >> 8
    this.#slab[this.#pos++] = value
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#pos = this.#slab.writeUInt32BE(value, this.#pos)
  }

  varint(value: number): void {
    this.#reserve(4)
    this.#pos = putVarint(this.#slab, this.#pos, value)
  }

  /** Writes bytes without a length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#slab.set(bytes, this.#pos)
    this.#pos += bytes.length
  }

  /** Writes Binary Data: bytes with their length in front. */
  binary(bytes: Uint8Array, what: string): void {
    if (bytes.length > STRING_MAX) throw refuse(`${what} of ${bytes.length} bytes`)
    this.uint16(bytes.length)
    this.raw(bytes)
  }

  /** Writes a string with its length in front. */
  string(text: string, what: string): void {
    if (typeof text !== 'string') throw refuse(`${what} has to be a string`)
    const length = text.length
    if (length > STRING_MAX) throw refuse(`${what} of ${length} characters`)
    // A UTF-16 unit takes three bytes of UTF-8 at most
    this.#reserve(2 + 3 * length)
    const slab = this.#slab
    const start = this.#pos + 2
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0 || code > 0x7f) {
        this.#otherString(text, what)
        return
      }
      slab[start + i] = code
    }
    slab[start - 2] = length >> 8
    slab[start - 1] = length
    this.#pos = start + length
  }

  /** Writes a string that is not pure ASCII, or contains U+0000. */
  #otherString(text: string, what: string): void {
    if (text.includes('\0')) throw refuse(`U+0000 in the ${what}`)
    if (LONE_SURROGATE.test(text)) throw refuse(`lone surrogate in the ${what}`)
    const length = this.#slab.utf8Write(text, this.#pos + 2)
    if (length > STRING_MAX) throw refuse(`${what} of ${length} bytes`)
    this.uint16(length)
    this.#pos += length
  }

  /** Begins a section with its length in front. @returns the value for {@link endSection} */
  beginSection(): number {
    this.uint8(0)
    return this.offset
  }

  endSection(begin: number): void {
    const length = this.offset - begin
    // One byte was reserved for the length, which is nearly always enough
    const more = varintSize(length) - 1
    if (more > 0) {
      this.#reserve(more)
      const start = this.#begin + this.#header + begin
      this.#slab.copyWithin(start + more, start, this.#pos)
      this.#pos += more
    }
    putVarint(this.#slab, this.#begin + this.#header + begin - 1, length)
  }

  /** Ensures space for `size` bytes, in a new slab if necessary. */
  #reserve(size: number): void {
    if (this.#pos + size <= this.#slab.length) return
    const used = this.#pos - this.#begin
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB, used * 2, used + size)) as NodeBuffer
    slab.set(this.#slab.subarray(this.#begin, this.#pos), 0)
    this.#slab = slab
    this.#begin = 0
    this.#pos = used
  }
}

/** The error for a value that the host must not send. */
export function refuse(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail })
}

/** @returns the value if it is an integer in the range */
export function integer(value: unknown, min: number, max: number, what: string): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw refuse(`${what} ${String(value)}, it has to be an integer from ${min} to ${max}`)
}
