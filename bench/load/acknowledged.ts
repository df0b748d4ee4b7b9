/** The answers that a publisher above QoS 0 gets: counts what is through, and releases QoS 2 in batches. */
import type { Client } from './client.js'
import type { Publisher } from './publisher.js'
import type { PacketSink } from './scanner.js'

export class AcknowledgementSink implements PacketSink {
  readonly #client: Client
  readonly #publisher: Publisher
  readonly #onProgress: (publisher: Publisher) => void
  readonly #onChunkEnd: () => void
  #releases: number[] = []

  constructor(
    client: Client,
    publisher: Publisher,
    onProgress: (publisher: Publisher) => void,
    onChunkEnd: () => void,
  ) {
    this.#client = client
    this.#publisher = publisher
    this.#onProgress = onProgress
    this.#onChunkEnd = onChunkEnd
    client.sink = this
  }

  packet(first: number, bytes: Buffer, body: number, end: number): void {
    switch (first >> 4) {
      case 4:
      case 7:
        this.#publisher.acknowledged()
        this.#onProgress(this.#publisher)
        break
      case 5:
        this.#releases.push(0x62, 2, bytes[body]!, bytes[body + 1]!)
        break
      case 14:
        throw new Error(`DISCONNECT ${end > body ? bytes[body] : 0}`)
    }
  }

  chunkEnd(): void {
    if (this.#releases.length > 0) {
      this.#client.write(Buffer.from(this.#releases))
      this.#releases = []
    }
    this.#onChunkEnd()
  }
}
