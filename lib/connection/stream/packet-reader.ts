/**
 * Reads one stream: decodes packets as fast as their receiver accepts them, and pauses the stream when it does not.
 * Owns the data that was read and not handled yet. Must not know what a packet means, nor how the stream ends.
 */
import type { Duplex } from 'node:stream'
import type { RateLimit } from '../../../types/broker/events.js'
import type { Client } from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import { type DecodedPacket, Decoder } from '../../codec/decode/decoder.js'
import { AnaxError } from '../../errors.js'
import type { ConnectionTraffic } from '../../model/metering/traffic.js'
import { effectiveLimits } from '../../session/client-limits.js'
import { networkOf } from '../../util/network.js'
import { Cost, type PausedWork, TurnShare } from '../../util/scheduling/fairness.js'
import type { ConnectionPorts } from '../connection-ports.js'
import { IncompletePacket, type IncompletePackets } from './incomplete-packets.js'
import { Throttle, type ThrottleOwner } from './throttle.js'

/** Maximum number of bytes read while packets are not handled, whatever the receiver allows. */
const READ_AHEAD_BYTES = 64 * 1024

type ReaderPorts = Pick<
  ConnectionPorts,
  'admission' | 'events' | 'fairness' | 'incompletePackets' | 'options' | 'readBuffers' | 'timers'
>

/** The receiver of the packets. */
export interface PacketReceiver {
  readonly client: Client
  /** Whether the next packet may be handled now. */
  mayHandle(): boolean
  /** Whether an earlier packet is unfinished because a turn was used up. The next packet then waits for a turn, too. */
  isBehind(): boolean
  /** Whether the stream may be read although no packet is handled: its end would not be noticed otherwise. */
  mayReadAhead(): boolean
  handle(packet: DecodedPacket): void
  /** The rest of the stream cannot be decoded. */
  malformed(error: AnaxError): void
  /** The connection must end: nothing more is read. */
  fail(error: AnaxError): void
  /** All complete packets were handled. */
  handledAll(): void
}

export class PacketReader implements ThrottleOwner, PausedWork {
  readonly decoder: Decoder
  readonly #stream: Duplex
  readonly #receiver: PacketReceiver
  readonly #ports: ReaderPorts
  /** This client's share of a turn of the event loop. */
  readonly #share = new TurnShare(this)
  readonly #traffic: ConnectionTraffic
  /** Undefined for a client without rates. */
  #throttle: Throttle | undefined
  /** The received part of an incomplete packet. Created on demand: most packets come in one chunk. */
  #incomplete: IncompletePacket | undefined
  #heldByTransport = 0
  #reading = false
  #paused = false
  /** Bytes that have arrived while packets could not be handled. */
  #readAheadBytes = 0

  constructor(stream: Duplex, receiver: PacketReceiver, traffic: ConnectionTraffic, ports: ReaderPorts) {
    const { maxConnectSize, maxPacketSize, maxFiltersPerPacket } = ports.options
    const maximumPacketSize = Math.min(maxConnectSize, maxPacketSize)
    this.#stream = stream
    this.#ports = ports
    this.#receiver = receiver
    this.#traffic = traffic
    this.decoder = new Decoder({ side: 'broker', maximumPacketSize, maximumFilters: maxFiltersPerPacket })
    ports.fairness.spend(Cost.stream)
  }

  /**
   * Whether packets wait, because the receiver accepts none, it is not this client's turn, or the client exceeds a
   * rate.
   */
  isPaused(): boolean {
    return this.#paused || this.#throttle?.isWaiting === true
  }

  /** Sets the client's limits, from now on. */
  limit(limits: ClientLimits | undefined): void {
    const { admission, options, timers } = this.#ports
    this.decoder.maximumPacketSize = effectiveLimits(options, limits).maxPacketSize
    const rates = admission.ratesOf(this.#receiver.client, limits)
    const wasWaiting = this.#throttle?.isWaiting === true
    this.#throttle?.stop()
    this.#throttle =
      rates.length > 0 ? new Throttle(this, { rates, timers, patienceMs: admission.patienceMs }) : undefined
    if (wasWaiting) this.resume()
  }

  push(chunk: Buffer): void {
    this.#traffic.arrived(chunk.length)
    this.decoder.push(chunk)
    this.#ports.fairness.spendBytes(chunk.length)
    this.#ports.readBuffers.add(chunk.length)
    if (!this.#mayHandle()) this.#readAheadBytes += chunk.length
    // a CONNECT in the chunk may set rates, which do not apply to this chunk yet
    const isLimited = this.#throttle !== undefined
    this.resume()
    // charged afterwards: the received data is handled, and then the client has to wait
    if (isLimited && this.#throttle?.received(chunk.length)) this.resume()
  }

  /** Called when the stream's input has ended: the received data is no longer held back. */
  finish(): void {
    this.#share.line = 'joining'
    this.#share.party = networkOf(this.#receiver.client.address ?? '')
    this.#throttle?.stop()
    this.#throttle = undefined
    this.resume()
  }

  slowed(limit: RateLimit): void {
    this.#ports.events.emit('throttled', this.#receiver.client, limit)
  }

  outOfPatience({ what }: RateLimit): void {
    const detail = `too many ${what}`
    this.#receiver.fail(new AnaxError('ANAX_ERR_MESSAGE_RATE', { detail }))
  }

  /** Continues after waiting for the receiver. */
  resume(): void {
    this.#read()
    const mayFlow = this.#mayHandle() || (this.#readAheadBytes <= READ_AHEAD_BYTES && this.#mayReadAhead())
    if (this.#paused !== mayFlow || this.#stream.readableEnded) return
    this.#paused = !mayFlow
    if (this.#paused) this.#stream.pause()
    else this.#stream.resume()
  }

  #mayHandle(): boolean {
    return !this.#share.isWaiting && this.#throttle?.isWaiting !== true && this.#receiver.mayHandle()
  }

  /** The end of a stream is not noticed while it is not read. */
  #mayReadAhead(): boolean {
    return this.#throttle?.isWaiting === true || this.#receiver.mayReadAhead()
  }

  #read(): void {
    const receiver = this.#receiver
    const { fairness } = this.#ports
    if (this.#reading || this.#throttle?.isWaiting || !receiver.mayHandle() || !fairness.begin(this.#share)) return
    const { decoder } = this
    this.#reading = true
    const isDone = this.#readPackets(decoder, receiver)
    this.#reading = false
    fairness.end(this.#share)
    if (!isDone) fairness.wait(this.#share)
    if (!this.#mayHandle()) return
    if (decoder.error === undefined) receiver.handledAll()
    else receiver.malformed(decoder.error)
  }

  /** Releases the received data, because the connection ends. */
  close(): void {
    this.decoder.close()
    this.#heldByTransport = 0
    if (this.#incomplete !== undefined) this.#hold(0)
  }

  /** Bytes that the transport has received and not passed on. */
  get heldByTransport(): number {
    return this.#heldByTransport
  }

  set heldByTransport(bytes: number) {
    if (bytes === this.#heldByTransport) return
    const ownBytes = (this.#incomplete?.bytes ?? 0) - this.#heldByTransport
    this.#heldByTransport = bytes
    this.#hold(Math.max(0, ownBytes))
  }

  /** Counts the rest, which is the beginning of a packet. */
  #holdRest(): void {
    const bytes = this.decoder.unreadBytes
    if (bytes === 0) return
    this.decoder.shrink()
    this.#hold(bytes)
  }

  #hold(bytes: number): void {
    const { incompletePackets } = this.#ports
    this.#incomplete ??= new IncompletePacket(() => this.#receiver.fail(tooMuch(incompletePackets)))
    incompletePackets.hold(this.#incomplete, bytes + this.#heldByTransport)
  }

  /** @returns false if it stopped because the turn is used up; true also if a rate stopped it */
  #readPackets(decoder: Decoder, receiver: PacketReceiver): boolean {
    const { fairness } = this.#ports
    while (receiver.mayHandle()) {
      if (fairness.isSpent || receiver.isBehind()) return false
      this.#readAheadBytes = 0
      const packet = decoder.next()
      if (packet === undefined) {
        this.#holdRest()
        break
      }
      if (this.#incomplete !== undefined) this.#hold(0)
      this.#traffic.received(decoder.firstByte, packet.cmd === 'publish' ? packet.payload.length : 0)
      receiver.handle(packet)
      fairness.spend(Cost.packet)
      if (packet.cmd === 'publish' && this.#throttle?.message()) break
    }
    return true
  }
}

function tooMuch({ maxBytes }: IncompletePackets): AnaxError {
  const detail = `all clients together may have ${maxBytes} bytes of packets that are not complete`
  return new AnaxError('ANAX_ERR_QUOTA', { detail, scope: 'connection' })
}
