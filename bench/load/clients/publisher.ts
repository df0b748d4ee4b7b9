/**
 * A publisher with prepared PUBLISH packets, one for each place in its window. A place is free again when the message
 * was delivered to all subscribers and, with QoS 1 and 2, acknowledged completely.
 */
import type { Client } from './client.js'
import { publishPacket, type QoS } from './packets.js'

export interface PublisherOptions {
  id: number
  topic: string
  qos: QoS
  retain: 'retain' | 'live'
  window: number
  payloadBytes: number
  properties: Buffer
  /** Deliveries of each message. */
  fanout: number
}

export class Publisher {
  readonly id: number
  readonly #client: Client
  readonly #qos: QoS
  readonly #window: number
  readonly #fanout: number
  readonly #frames: Buffer
  readonly #frameBytes: number
  readonly #stampAt: number
  readonly #receivers: Uint16Array
  sent = 0
  #delivered = 0
  #acknowledged = 0
  /** Whether it is on the list of publishers that may send again. */
  listed = false

  constructor(client: Client, options: PublisherOptions) {
    const { topic, qos, retain, window, payloadBytes, properties } = options
    this.id = options.id
    this.#client = client
    this.#qos = qos
    this.#window = window
    this.#fanout = options.fanout
    this.#receivers = new Uint16Array(window)
    const payload = Buffer.alloc(payloadBytes, 'x')
    payload.writeUInt32BE(this.id, 0)
    const common = { topic, qos, retain, version: client.version, properties, payload } as const
    const frames = Array.from({ length: window }, (_, i) => client.frame(publishPacket({ ...common, packetId: i + 1 })))
    this.#frames = Buffer.concat(frames)
    this.#frameBytes = frames[0]!.length
    this.#stampAt = this.#frameBytes - payloadBytes + 4
  }

  /** Messages that may be sent now. */
  get open(): number {
    const done = this.#qos === 0 ? this.#delivered : Math.min(this.#delivered, this.#acknowledged)
    return this.#window - (this.sent - done)
  }

  get idle(): boolean {
    return this.open === this.#window
  }

  /** Deliveries that are still missing. */
  get missing(): number {
    return this.sent * this.#fanout - this.#deliveries()
  }

  #deliveries(): number {
    let sum = this.#delivered * this.#fanout
    for (const count of this.#receivers) sum += count
    return sum
  }

  /** Each message in a separate write. */
  sendEach(count: number, now: number): void {
    for (let i = 0; i < count; i++) {
      const start = this.#stamp(now)
      this.#client.socket.write(this.#frames.subarray(start, start + this.#frameBytes))
    }
  }

  /** The whole window in one write; it must be free. */
  sendWindow(now: number): void {
    for (let i = 0; i < this.#window; i++) this.#stamp(now)
    this.#client.socket.write(this.#frames)
  }

  #stamp(now: number): number {
    const start = (this.sent % this.#window) * this.#frameBytes
    const frames = this.#frames
    let at = start + this.#stampAt
    const sequence = this.sent++
    frames[at++] = sequence >>> 24
    frames[at++] = sequence >>> 16
    frames[at++] = sequence >>> 8
    frames[at++] = sequence
    frames[at++] = now >>> 24
    frames[at++] = now >>> 16
    frames[at++] = now >>> 8
    frames[at] = now
    return start
  }

  /** One more receiver has the message; false if that is one too many. */
  delivered(sequence: number): boolean {
    if (sequence < this.#delivered || sequence >= this.sent) return false
    const place = sequence % this.#window
    if (this.#receivers[place] === this.#fanout) return false
    this.#receivers[place]!++
    while (this.#delivered < this.sent && this.#receivers[this.#delivered % this.#window] === this.#fanout) {
      this.#receivers[this.#delivered++ % this.#window] = 0
    }
    return true
  }

  acknowledged(): void {
    this.#acknowledged++
  }
}

/** Microseconds since this process started, in 32 bits. */
export function nowMicros(): number {
  return (performance.now() * 1000) >>> 0
}
