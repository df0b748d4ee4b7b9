/**
 * Receives the messages that a broker has stored: counts them, checks their sequence if they have one, acknowledges.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Answers } from './answers.js'
import type { Client } from './client.js'
import type { PacketSink } from './scanner.js'

/** After this time without a message, no more are expected. */
const SILENCE_MS = 3000

export class Receiver implements PacketSink {
  readonly #order: 'sequence' | 'any'
  readonly #answers: Answers
  #next: ((time: number) => void) | undefined
  #expected = 0
  received = 0
  /** Messages that were duplicated or too late. */
  doubled = 0

  /** @param order `sequence`: payloads begin with 0, 1, 2 … in 4 bytes */
  constructor(client: Client, order: 'sequence' | 'any') {
    this.#answers = new Answers(client, 'joined')
    this.#order = order
    client.sink = this
  }

  packet(first: number, bytes: Buffer, body: number): void {
    if (first >> 4 !== 3) return
    let at = body + 2 + bytes.readUInt16BE(body)
    if ((first & 6) !== 0) {
      this.#answers.add(0x40, bytes, at)
      at += 2
    }
    if (this.#order === 'sequence') this.#sequence(bytes.readUInt32BE(at))
    else this.received++
  }

  #sequence(sequence: number): void {
    if (sequence < this.#expected) {
      this.doubled++
      return
    }
    this.#expected = sequence + 1
    this.received++
  }

  chunkEnd(): void {
    this.#answers.flush()
    if (this.#next !== undefined && this.received > 0) {
      this.#next(performance.now())
      this.#next = undefined
    }
  }

  /** The time of the first message. */
  first(): Promise<number> {
    return new Promise(resolve => {
      this.#next = resolve
    })
  }

  /** Waits until all messages have arrived, or no more do. */
  async until(count: number): Promise<void> {
    let last = this.received
    let lastProgress = performance.now()
    while (this.received < count && performance.now() - lastProgress < SILENCE_MS) {
      await sleep(1)
      if (this.received === last) continue
      last = this.received
      lastProgress = performance.now()
    }
  }
}
