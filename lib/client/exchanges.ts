/**
 * The pending requests of a client: packet identifiers, their promises, and the limit of unacknowledged messages. Knows
 * no packet format and no stream.
 */
import { AnaxError } from '../errors.js'

interface Exchange {
  /** The earlier of two answers; it is the result of the request. */
  answer?: unknown
  resolve(answer: unknown): void
  reject(error: AnaxError): void
}

const MAX_PACKET_ID = 0xffff

export class Exchanges {
  readonly #open = new Map<number, Exchange>()
  readonly #waiting: (() => void)[] = []
  #lastId = 0
  /** The number of messages that may be sent before one is acknowledged. */
  #quota = MAX_PACKET_ID

  /** The broker's Receive Maximum, from CONNACK. */
  set receiveMaximum(maximum: number) {
    this.#quota = maximum
  }

  /** Resolves when a message with QoS 1 or 2 may be sent; each needs {@link release} afterwards. */
  async acquire(): Promise<void> {
    if (this.#quota > 0) this.#quota--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#quota++
    else next()
  }

  /** Sends a packet with a free identifier. Resolves with the answer passed to {@link settle}. */
  ask<Answer>(send: (messageId: number) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = this.#freeId()
      this.#open.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      try {
        send(id)
      } catch (error) {
        this.#open.delete(id)
        reject(error)
      }
    })
  }

  /** Notes the first of two answers, which has the result. */
  note(messageId: number, answer: unknown): void {
    const exchange = this.#open.get(messageId)
    if (exchange !== undefined) exchange.answer = answer
  }

  /** Resolves the request with this identifier; ignores an unknown one. */
  settle(messageId: number, answer: unknown): void {
    const exchange = this.#open.get(messageId)
    this.#open.delete(messageId)
    exchange?.resolve(exchange.answer ?? answer)
  }

  /** Rejects all pending requests. */
  fail(error: AnaxError): void {
    for (const exchange of this.#open.values()) exchange.reject(error)
    this.#open.clear()
    for (const resume of this.#waiting.splice(0)) resume()
  }

  #freeId(): number {
    if (this.#open.size === MAX_PACKET_ID)
      throw new AnaxError('ANAX_ERR_QUOTA', { detail: 'no packet identifier is free' })
    do this.#lastId = (this.#lastId % MAX_PACKET_ID) + 1
    while (this.#open.has(this.#lastId))
    return this.#lastId
  }
}
