/**
 * Retained messages: what may be retained, for how long, and what a new subscription gets.
 * Owns the limits; the store owns the messages.
 */
import type { Message } from '../../types/message.js'
import type { MaybeAsyncIterable, MaybePromise, SessionPersistence } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { AnaxError } from '../errors.js'
import { copyOf } from '../session/message.js'
import type { ResolvedOptions, RetainedMessages } from '../session/ports.js'

export class RetainedStore implements RetainedMessages {
  readonly #store: SessionPersistence
  readonly #options: ResolvedOptions
  readonly #now: () => number

  constructor(store: SessionPersistence, options: ResolvedOptions, now: () => number) {
    this.#store = store
    this.#options = options
    this.#now = now
  }

  matching(filters: readonly string[]): MaybeAsyncIterable<Message> {
    return this.#store.retained(filters)
  }

  /** @throws AnaxError ANAX_ERR_QUOTA where a limit forbids to retain it */
  check({ topic, payload }: Message): MaybePromise<void> {
    const { maxRetainedPayload, maxRetainedMessages, maxRetainedBytes } = this.#options
    if (payload.length === 0) return
    if (payload.length > maxRetainedPayload) throw quota(`a retained payload may have ${maxRetainedPayload} bytes`)
    const { retainedCount, retainedBytes } = this.#store
    if (retainedCount < maxRetainedMessages && retainedBytes + payload.length <= maxRetainedBytes) return
    return this.#checkReplaced(topic, payload)
  }

  /** Keeps it for later subscribers; an empty payload takes away what is there [MQTT-3.3.1-5], [MQTT-3.3.1-6]. */
  keep(message: PublishMessage): MaybePromise<void> {
    const retained = copyOf(message)
    retained.brokerId = message.brokerId
    retained.brokerCounter = message.brokerCounter
    const { maxRetainedExpiry } = this.#options
    if (maxRetainedExpiry !== Number.POSITIVE_INFINITY) {
      const latest = this.#now() + maxRetainedExpiry * 1000
      retained.messageExpiry = Math.min(message.messageExpiry ?? latest, latest)
    }
    return this.#store.storeRetained(retained)
  }

  /** At a limit, a message that replaces another may still fit. */
  async #checkReplaced(topic: string, payload: Buffer): Promise<void> {
    const { maxRetainedMessages, maxRetainedBytes } = this.#options
    const replaced = await this.#store.retainedOf(topic)
    if (replaced === undefined && this.#store.retainedCount >= maxRetainedMessages) {
      throw quota(`${maxRetainedMessages} messages are retained`)
    }
    if (this.#store.retainedBytes - (replaced?.payload.length ?? 0) + payload.length > maxRetainedBytes) {
      throw quota(`retained messages may have ${maxRetainedBytes} bytes together`)
    }
  }
}

function quota(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_QUOTA', { detail })
}
