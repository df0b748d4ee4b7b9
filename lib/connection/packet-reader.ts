/**
 * Reads one stream: decodes packets as fast as their receiver takes them, and pauses the stream meanwhile.
 * Owns what was read and is not handled yet. Must not know what a packet means, nor how the stream ends.
 */
import type { Duplex } from 'node:stream'
import { type DecodedPacket, Decoder } from '../codec/decode/decoder.js'
import type { AnaxError } from '../errors.js'
import type { ConnectionTraffic } from '../model/traffic.js'
import type { Ports } from '../ports/ports.js'
import { Cost, type Fairness, Share } from '../util/fairness.js'

/** Above this no more is read while packets are not handled, whatever the receiver allows. */
const READ_AHEAD_BYTES = 64 * 1024

/** Who handles the packets. */
export interface PacketReceiver {
  /** Whether the next packet may be handled now. */
  mayHandle(): boolean
  /** Whether an earlier packet is still being worked on because a turn was used up: the next one waits for a turn, too. */
  isBehind(): boolean
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
  readonly #fairness: Fairness
  /** What this client may take of a turn of the event loop. */
  readonly #share = new Share(() => this.resume())
  readonly #traffic: ConnectionTraffic
  #reading = false
  #paused = false
  /** Bytes that came since packets could not be handled. */
  #readAheadBytes = 0

  constructor(
    stream: Duplex,
    receiver: PacketReceiver,
    traffic: ConnectionTraffic,
    { fairness, options }: Pick<Ports, 'fairness' | 'options'>,
  ) {
    const maximumPacketSize = Math.min(options.maxConnectSize, options.maxPacketSize)
    this.#stream = stream
    this.#fairness = fairness
    this.#receiver = receiver
    this.#traffic = traffic
    this.decoder = new Decoder({ side: 'broker', maximumPacketSize, maximumFilters: options.maxFiltersPerPacket })
    fairness.spend(Cost.stream)
  }

  /** Whether the stream is paused: the receiver takes no packets, or it is not this client's turn. */
  isPaused(): boolean {
    return this.#paused
  }

  push(chunk: Buffer): void {
    this.#traffic.arrived(chunk.length)
    this.decoder.push(chunk)
    this.#fairness.spendBytes(chunk.length)
    if (!this.#receiver.mayHandle()) this.#readAheadBytes += chunk.length
    this.resume()
  }

  /** Goes on where it had to wait for its receiver. */
  resume(): void {
    this.#read()
    const receiver = this.#receiver
    const mayFlow = this.#mayHandle() || (this.#readAheadBytes <= READ_AHEAD_BYTES && receiver.mayReadAhead())
    if (this.#paused !== mayFlow || this.#stream.readableEnded) return
    this.#paused = !mayFlow
    if (this.#paused) this.#stream.pause()
    else this.#stream.resume()
  }

  #mayHandle(): boolean {
    return !this.#share.isWaiting && this.#receiver.mayHandle()
  }

  #read(): void {
    const receiver = this.#receiver
    if (this.#reading || !receiver.mayHandle() || !this.#fairness.begin(this.#share)) return
    const { decoder } = this
    this.#reading = true
    const isDone = this.#readPackets(decoder, receiver)
    this.#reading = false
    this.#fairness.end(this.#share)
    if (!isDone) this.#fairness.wait(this.#share)
    if (!this.#mayHandle()) return
    if (decoder.error === undefined) receiver.handledAll()
    else receiver.malformed(decoder.error)
  }

  /** @returns false if it stopped because the turn is used up */
  #readPackets(decoder: Decoder, receiver: PacketReceiver): boolean {
    const fairness = this.#fairness
    while (receiver.mayHandle()) {
      if (fairness.isSpent || receiver.isBehind()) return false
      this.#readAheadBytes = 0
      const packet = decoder.next()
      if (packet === undefined) break
      this.#traffic.received(decoder.firstByte, packet.cmd === 'publish' ? packet.payload.length : 0)
      receiver.handle(packet)
      fairness.spend(Cost.packet)
    }
    return true
  }
}
