/**
 * Reads one stream: decodes packets as fast as their receiver takes them, and pauses the stream meanwhile.
 * Owns what was read and is not handled yet. Must not know what a packet means, nor how the stream ends.
 */
import type { Duplex } from 'node:stream'
import { type DecodedPacket, Decoder, type DecoderOptions } from '../codec/decode/decoder.js'
import type { AnaxError } from '../errors.js'

/** Above this no more is read while packets are not handled, whatever the receiver allows. */
const READ_AHEAD_BYTES = 64 * 1024

/** Who handles the packets. */
export interface PacketReceiver {
  /** Whether the next packet may be handled now. */
  mayHandle(): boolean
  /** Whether the stream may be read although no packet is handled: its end would not be noticed otherwise. */
  mayReadAhead(): boolean
  handle(packet: DecodedPacket): void
  /** What follows cannot be decoded. */
  malformed(error: AnaxError): void
  /** All packets that are complete were handled. */
  handledAll(): void
}

export class PacketReader {
  readonly decoder: Decoder
  readonly #stream: Duplex
  readonly #receiver: PacketReceiver
  #reading = false
  #paused = false
  /** Bytes that came since packets could not be handled. */
  #readAheadBytes = 0

  constructor(stream: Duplex, receiver: PacketReceiver, options: DecoderOptions) {
    this.#stream = stream
    this.#receiver = receiver
    this.decoder = new Decoder(options)
  }

  /** Whether the stream is paused, because of the receiver. */
  isPaused(): boolean {
    return this.#paused
  }

  push(chunk: Buffer): void {
    this.decoder.push(chunk)
    if (!this.#receiver.mayHandle()) this.#readAheadBytes += chunk.length
    this.resume()
  }

  /** Goes on where it had to wait for its receiver. */
  resume(): void {
    this.#read()
    const receiver = this.#receiver
    const mayFlow = receiver.mayHandle() || (this.#readAheadBytes <= READ_AHEAD_BYTES && receiver.mayReadAhead())
    if (this.#paused !== mayFlow) return
    this.#paused = !mayFlow
    if (this.#paused) this.#stream.pause()
    else this.#stream.resume()
  }

  #read(): void {
    if (this.#reading) return
    const { decoder } = this
    const receiver = this.#receiver
    this.#reading = true
    while (receiver.mayHandle()) {
      this.#readAheadBytes = 0
      const packet = decoder.next()
      if (packet === undefined) break
      receiver.handle(packet)
    }
    this.#reading = false
    if (!receiver.mayHandle()) return
    if (decoder.error === undefined) receiver.handledAll()
    else receiver.malformed(decoder.error)
  }
}
