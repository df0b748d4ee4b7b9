/** A receiver of the load: finds the payload in each PUBLISH, records it, and acknowledges. */

import type { Ledger } from '../ledger.js'
import { Answers, type Writes } from './answers.js'
import type { Client } from './client.js'
import { nowMicros, type Publisher } from './publisher.js'
import type { PacketSink } from './scanner.js'

export class Subscriber implements PacketSink {
  readonly #client: Client
  readonly #ledger: Ledger
  readonly #expected: Uint32Array | undefined
  readonly #onDelivery: (publisher: Publisher) => void
  readonly #onChunkEnd: () => void
  readonly #answers: Answers
  #now = 0

  /** @param expected next sequence number by publisher; undefined if several clients share a subscription */
  constructor(
    client: Client,
    ledger: Ledger,
    expected: Uint32Array | undefined,
    onDelivery: (publisher: Publisher) => void,
    onChunkEnd: () => void,
    writes: Writes,
  ) {
    this.#client = client
    this.#ledger = ledger
    this.#expected = expected
    this.#onDelivery = onDelivery
    this.#onChunkEnd = onChunkEnd
    this.#answers = new Answers(client, writes)
    client.sink = this
  }

  packet(first: number, bytes: Buffer, body: number, end: number): void {
    if (first >> 4 === 3) this.#publish(first, bytes, body)
    else if (first >> 4 === 6) this.#answers.add(0x70, bytes, body)
    else if (first >> 4 === 14) throw new Error(`DISCONNECT ${end > body ? bytes[body] : 0}`)
  }

  #publish(first: number, bytes: Buffer, body: number): void {
    const qos = (first >> 1) & 3
    let at = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!)
    if (qos > 0) {
      this.#answers.add(qos === 1 ? 0x40 : 0x50, bytes, at)
      at += 2
    }
    if (this.#client.version === 5) at = skipProperties(bytes, at)
    if (this.#now === 0) this.#now = nowMicros()
    this.#onDelivery(this.#ledger.note(bytes, at, this.#now, this.#expected))
  }

  chunkEnd(): void {
    this.#now = 0
    this.#answers.flush()
    this.#onChunkEnd()
  }
}

function skipProperties(bytes: Buffer, at: number): number {
  let length = 0
  let shift = 0
  let byte = 0
  do {
    byte = bytes[at++]!
    length |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80)
  return at + length
}
