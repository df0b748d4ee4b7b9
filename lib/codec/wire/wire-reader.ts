/**
 * Reads the primitives of MQTT (1.5) out of the bytes of one packet, and never behind its end.
 * Knows nothing of packets but the name to complain under. What is wrong is thrown; only the decoder catches it.
 */
import { isUtf8 } from 'node:buffer'
import type { ProtocolVersion } from '../../../types/packets.js'
import { AnaxError } from '../../errors.js'
import { Sender } from '../packet-types.js'
import type { NodeBuffer } from './node-buffer.js'
import { CACHED_LENGTH, cachedString } from './string-cache.js'

const EMPTY = Buffer.alloc(0)

/** A cursor over the content of one packet (what follows the fixed header). */
export class WireReader {
  #bytes = EMPTY as NodeBuffer
  #pos = 0
  #end = 0
  /** Name of the packet being read, for the error's detail. */
  packet = ''
  protocolVersion: ProtocolVersion = 4
  sender: Sender = Sender.client
  /** Of one SUBSCRIBE or UNSUBSCRIBE. */
  maximumFilters = Number.POSITIVE_INFINITY

  /** Turns to the content of another packet. */
  open(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes as NodeBuffer
    this.#pos = start
    this.#end = end
  }

  /** Lets the bytes go, which would otherwise be kept from the garbage collector. */
  close(): void {
    this.open(EMPTY, 0, 0)
  }

  /** Bytes that are not read yet. */
  get left(): number {
    return this.#end - this.#pos
  }

  /** Confines reading to the next `length` bytes. @returns what {@link leave} needs to undo it */
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

  /** A Variable Byte Integer in as few bytes as its value needs [MQTT-1.5.5-1]. */
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

  /** A packet identifier, which is never 0 [MQTT-2.3.1-1] [MQTT-2.2.1-3]. */
  packetId(): number {
    const id = this.uint16('packet identifier')
    if (id === 0) throw this.protocolError('packet identifier 0')
    return id
  }

  /** Bytes with a length before them: a view, not a copy. */
  binary(what: string): Buffer {
    const length = this.uint16(what)
    const start = this.#skip(length, what)
    return this.#bytes.subarray(start, start + length)
  }

  /** Everything that is left: a view, not a copy. */
  rest(): Buffer {
    const start = this.#pos
    this.#pos = this.#end
    return start === this.#end ? EMPTY : this.#bytes.subarray(start, this.#end)
  }

  /** A string: well-formed UTF-8 without U+0000 [MQTT-1.5.3-1] [MQTT-1.5.3-2] [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
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
    // A leading U+FEFF stays [MQTT-1.5.3-3] [MQTT-1.5.4-3]
    return bytes.utf8Slice(start, end)
  }

  /** Moves over `length` bytes that must be there. @returns where they begin */
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
