/**
 * Reads the data types of MQTT (1.5) from the bytes of one packet, and never beyond its end.
 * Must not know packets, except the name for errors. Throws errors, which only the decoder catches.
 */
import { isUtf8 } from 'node:buffer'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { Sender } from '../packet-types.js'
import type { NodeBuffer } from './node-buffer.js'
import { CACHED_LENGTH, cachedString } from './string-cache.js'

const EMPTY = Buffer.alloc(0)

/** A cursor over the content of one packet, which follows the fixed header. */
export class WireReader {
  #bytes = EMPTY as NodeBuffer
  #pos = 0
  #end = 0
  /** Name of the packet being read, for the error's detail. */
  packet = ''
  protocolVersion: ProtocolVersion = 4
  sender: Sender = Sender.client
  /** Limit for one SUBSCRIBE or UNSUBSCRIBE. */
  maximumFilters = Number.POSITIVE_INFINITY

  /** Starts reading the content of another packet. */
  open(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes as NodeBuffer
    this.#pos = start
    this.#end = end
  }

  /** Releases the bytes for the garbage collector. */
  close(): void {
    this.open(EMPTY, 0, 0)
  }

  /** The number of unread bytes. */
  get left(): number {
    return this.#end - this.#pos
  }

  /** Restricts reading to the next `length` bytes. @returns the value for {@link leave} */
  enter(length: number, what: string): number {
    const outer = this.#end
    this.#end = this.#skip(length, what) + length
    this.#pos -= length
    return outer
  }

  /** Ends {@link enter}. */
  leave(outer: number): void {
    this.#end = outer
  }

  uint8(what: string): number {
    if (this.#pos >= this.#end) throw this.#tooShort(what)
    return this.#bytes[this.#pos++]!
  }

  uint16(what: string): number {
    const pos = this.#skip(2, what)
    return (this.#bytes[pos]! << 8) | this.#bytes[pos + 1]!
  }

  uint32(what: string): number {
    return this.uint16(what) * 0x1_0000 + this.uint16(what)
  }

  /** Reads a Variable Byte Integer, which must use the fewest bytes [MQTT-1.5.5-1]. */
  varint(what: string): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8(what)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw this.malformed(`${what} takes more bytes than it needs`)
        return value
      }
    }
    throw this.malformed(`${what} takes more than four bytes`)
  }

  /** Reads a packet identifier, which must not be 0 [MQTT-2.3.1-1] [MQTT-2.2.1-3]. */
  packetId(): number {
    const id = this.uint16('packet identifier')
    if (id === 0) throw this.protocolError('packet identifier 0')
    return id
  }

  /** Reads Binary Data: a view, not a copy. */
  binary(what: string): Buffer {
    const length = this.uint16(what)
    const start = this.#skip(length, what)
    return this.#bytes.subarray(start, start + length)
  }

  /** Reads all remaining bytes: a view, not a copy. */
  rest(): Buffer {
    const start = this.#pos
    this.#pos = this.#end
    return start === this.#end ? EMPTY : this.#bytes.subarray(start, this.#end)
  }

  /** Reads a string: well-formed UTF-8 without U+0000 [MQTT-1.5.3-1] [MQTT-1.5.3-2] [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
  string(what: string): string {
    const length = this.uint16(what)
    const start = this.#skip(length, what)
    return this.#text(start, start + length, what)
  }

  #text(start: number, end: number, what: string): string {
    const bytes = this.#bytes
    let bits = 0
    let hash = 0
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      if (byte === 0) throw this.malformed(`U+0000 in the ${what}`)
      bits |= byte
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    if (bits < 0x80) {
      return end - start <= CACHED_LENGTH ? cachedString(hash, bytes, start, end) : bytes.latin1Slice(start, end)
    }
    if (!isUtf8(bytes.subarray(start, end))) throw this.malformed(`${what} is not well-formed UTF-8`)
    // A leading U+FEFF is kept [MQTT-1.5.3-3] [MQTT-1.5.4-3]
    return bytes.utf8Slice(start, end)
  }

  /** Skips `length` bytes, which must exist. @returns their offset */
  #skip(length: number, what: string): number {
    const start = this.#pos
    if (length > this.#end - start) throw this.#tooShort(what)
    this.#pos = start + length
    return start
  }

  #tooShort(what: string): AnaxError {
    return this.malformed(`ends within the ${what}`)
  }

  malformed(detail: string): AnaxError {
    return new AnaxError('ANAX_ERR_MALFORMED', { detail: `${this.packet}: ${detail}` })
  }

  protocolError(detail: string): AnaxError {
    return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `${this.packet}: ${detail}` })
  }
}
