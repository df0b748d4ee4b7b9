/**
 * A publisher that fills a broker with messages that nobody receives yet: QoS 1, in batches of prepared packets whose
 * topic or payload is overwritten; a batch is sent when the last one is acknowledged.
 */
import type { Client } from './client.js'
import { publishPacket } from './packets.js'
import type { PacketSink } from './scanner.js'

const BATCH = 100
const NO_PROPERTIES = Buffer.alloc(0)

export interface FeederOptions {
  /** A topic; `fill` may overwrite it without changing its length. */
  topic: string
  retain: 'retain' | 'live'
  /** MQTT 5.0 only; fewer than 128 bytes. @default none */
  properties?: Buffer
  payloadBytes: number
  /** Changes a packet to that of message `index`. */
  fill(bytes: Buffer, topicAt: number, payloadAt: number, index: number): void
}

export class Feeder implements PacketSink {
  readonly #client: Client
  readonly #options: FeederOptions
  readonly #template: Buffer
  #unacknowledged = 0
  #done: (() => void) | undefined

  constructor(client: Client, options: FeederOptions) {
    this.#client = client
    this.#options = options
    const { topic, retain, properties = NO_PROPERTIES, payloadBytes } = options
    const payload = Buffer.alloc(payloadBytes, 'x')
    const packets = Array.from({ length: BATCH }, (_, i) =>
      publishPacket({ topic, qos: 1, retain, version: client.version, properties, payload, packetId: i + 1 }),
    )
    this.#template = Buffer.concat(packets)
    client.sink = this
  }

  packet(first: number): void {
    if (first >> 4 === 4) this.#unacknowledged--
  }

  chunkEnd(): void {
    if (this.#unacknowledged === 0) this.#done?.()
  }

  /** Publishes messages `from` to `to`, without the last; resolves when all are acknowledged. */
  async feed(from: number, to: number): Promise<void> {
    for (let start = from; start < to; start += BATCH) await this.#batch(start, Math.min(BATCH, to - start))
  }

  #batch(start: number, count: number): Promise<void> {
    const packetBytes = this.#template.length / BATCH
    const bytes = Buffer.from(this.#template.subarray(0, count * packetBytes))
    const { topic, properties = NO_PROPERTIES, payloadBytes, fill } = this.#options
    const propertyBytes = this.#client.version === 5 ? 1 + properties.length : 0
    const headBytes = packetBytes - payloadBytes - propertyBytes - topic.length - 2
    for (let i = 0; i < count; i++) {
      const end = (i + 1) * packetBytes
      fill(bytes, i * packetBytes + headBytes, end - payloadBytes, start + i)
    }
    this.#unacknowledged = count
    const done = new Promise<void>(resolve => {
      this.#done = resolve
    })
    this.#client.write(bytes)
    return done
  }
}
