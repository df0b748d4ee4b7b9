/**
 * Checks on every delivery that each receiver gets each message once and in order. Only counts; the report evaluates
 * the counts.
 */

import type { Publisher } from './clients/publisher.js'
import { Histogram } from './histogram.js'

export class Ledger {
  readonly latency = new Histogram()
  readonly #publishers: readonly Publisher[]
  deliveries = 0
  doubled = 0

  constructor(publishers: readonly Publisher[]) {
    this.#publishers = publishers
  }

  /**
   * Records a delivery; returns its publisher.
   * @param expected the receiver's next sequence number by publisher; undefined if several clients share a subscription
   */
  note(bytes: Buffer, payload: number, now: number, expected: Uint32Array | undefined): Publisher {
    const publisher = this.#publishers[word(bytes, payload)]!
    const sequence = word(bytes, payload + 4)
    this.latency.add((now - word(bytes, payload + 8)) >>> 0)
    if (expected !== undefined) {
      const next = expected[publisher.id]!
      if (sequence < next) {
        this.doubled++
        return publisher
      }
      expected[publisher.id] = sequence + 1
    }
    if (publisher.delivered(sequence)) this.deliveries++
    else this.doubled++
    return publisher
  }

  /** Sent messages that never arrived. */
  lost(): number {
    return this.#publishers.reduce((sum, publisher) => sum + publisher.missing, 0)
  }
}

function word(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
