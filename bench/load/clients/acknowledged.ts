/** The acknowledgements for a publisher of QoS 1 and 2: counts finished messages, and sends PUBREL. */
import { Answers, type Writes } from './answers.js'
import type { Client } from './client.js'
import type { Publisher } from './publisher.js'
import type { PacketSink } from './scanner.js'

export class AcknowledgementSink implements PacketSink {
  readonly #answers: Answers
  readonly #publisher: Publisher
  readonly #onProgress: (publisher: Publisher) => void
  readonly #onChunkEnd: () => void

  constructor(
    client: Client,
    publisher: Publisher,
    onProgress: (publisher: Publisher) => void,
    onChunkEnd: () => void,
    writes: Writes,
  ) {
    this.#answers = new Answers(client, writes)
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
        this.#answers.add(0x62, bytes, body)
        break
      case 14:
        throw new Error(`DISCONNECT ${end > body ? bytes[body] : 0}`)
    }
  }

  chunkEnd(): void {
    this.#answers.flush()
    this.#onChunkEnd()
  }
}
