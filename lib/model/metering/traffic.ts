/**
 * Traffic counters: of all connections together by packet type and QoS, and a few numbers for each connection. They are
 * plain counters, incremented once for each packet. Must not know connections.
 */
import type { Frame } from '../../codec/wire/frame.js'

/** The packet type in the first byte of a fixed header, shifted as in {@link Flow.packets}. */
const PUBLISH = 3

/** One direction, of all connections together. */
export class Flow {
  bytes = 0
  /** Bytes of the payloads of PUBLISH packets. */
  payloadBytes = 0
  /** Packets by the first byte of the fixed header without its last bit: type, DUP and QoS. */
  readonly packets = new Float64Array(128)
}

/** Both directions, of all connections together. */
export class Traffic {
  readonly received = new Flow()
  readonly sent = new Flow()
}

/** The counters of one connection, which update the common ones as well. */
export class ConnectionTraffic {
  bytesReceived = 0
  packetsReceived = 0
  messagesReceived = 0
  bytesSent = 0
  packetsSent = 0
  messagesSent = 0
  readonly #all: Traffic

  constructor(all: Traffic) {
    this.#all = all
  }

  /** Counts received bytes. */
  arrived(bytes: number): void {
    this.bytesReceived += bytes
    this.#all.received.bytes += bytes
  }

  /** Counts a decoded packet. */
  received(firstByte: number, payloadBytes: number): void {
    const { received } = this.#all
    received.packets[firstByte >> 1]!++
    received.payloadBytes += payloadBytes
    this.packetsReceived++
    if (firstByte >> 4 === PUBLISH) this.messagesReceived++
  }

  /** Counts packets that were written to the stream. */
  sent(frames: readonly Frame[]): void {
    const { sent } = this.#all
    let bytes = 0
    let payloadBytes = 0
    let messages = 0
    let last = 0
    let same = 0
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!
      const kind = frame.memory[frame.start]! >> 1
      bytes += frame.length
      if (kind >> 3 === PUBLISH) {
        payloadBytes += frame.payloadLength
        messages++
      }
      // most frames have one packet type: these are summed first
      if (kind !== last) {
        sent.packets[last]! += same
        last = kind
        same = 0
      }
      same++
    }
    sent.packets[last]! += same
    sent.payloadBytes += payloadBytes
    this.messagesSent += messages
    this.packetsSent += frames.length
    this.bytesSent += bytes
    sent.bytes += bytes
  }
}
