/**
 * Retained messages: what may be retained, for how long, and what a new subscription gets.
 * Owns the limits; the store owns the messages.
 */
import type { Message } from '../../types/message.js'
import type { MaybeAsyncIterable, MaybePromise, SessionPersistence } from '../../types/persistence.js'
import { messageBytes } from '../codec/message-bytes.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { AnaxError } from '../errors.js'
import { copyOf } from '../model/message.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { RetainedMessages } from '../ports/retained-messages.js'
import { Reservations, type Room } from './reservations.js'

export class RetainedStore implements RetainedMessages {
  readonly #store: SessionPersistence
  readonly #options: ResolvedOptions
  readonly #now: () => number
  readonly #reservations = new Reservations()

  constructor(store: SessionPersistence, options: ResolvedOptions, now: () => number) {
    this.#store = store
    this.#options = options
    this.#now = now
  }

  matching(filters: readonly string[]): MaybeAsyncIterable<Message> {
    return this.#store.retained(filters)
  }

  /**
   * Reserves room for it, until {@link keep} or {@link release}: many that are checked at once do not exceed a limit.
   * @throws AnaxError ANAX_ERR_QUOTA where a limit forbids to retain it
   */
  check(message: Message): MaybePromise<void> {
    const { topic, payload } = message
    const { maxRetainedPayload } = this.#options
    if (payload.length === 0) return
    if (payload.length > maxRetainedPayload) throw quota(`a retained payload may have ${maxRetainedPayload} bytes`)
    if (!this.#isBounded) return
    const room = { messages: 1, bytes: messageBytes(message) }
    if (this.#excess(topic, room) !== undefined) return this.#checkReplaced(message)
    this.#reservations.reserve(topic, message, room)
  }

  /** It is not kept after all. */
  release(message: Message): void {
    this.#reservations.release(message.topic, message)
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
    // from here on the store counts it
    this.release(message)
    return this.#store.storeRetained(retained)
  }

  /** At a limit, a message that replaces another may still fit. */
  async #checkReplaced(message: Message): Promise<void> {
    const { topic } = message
    const replaced = await this.#store.retainedOf(topic)
    const freed = replaced === undefined ? { messages: 0, bytes: 0 } : { messages: 1, bytes: messageBytes(replaced) }
    const room = { messages: 1 - freed.messages, bytes: messageBytes(message) - freed.bytes }
    const excess = this.#excess(topic, room)
    if (excess !== undefined) throw quota(excess)
    this.#reservations.reserve(topic, message, room)
  }

  /** What limit would be exceeded. */
  #excess(topic: string, room: Room): string | undefined {
    const { maxRetainedMessages, maxRetainedBytes } = this.#options
    const { retainedCount, retainedBytes } = this.#store
    const promised = this.#reservations.besides(topic)
    if (retainedCount + promised.messages + room.messages > maxRetainedMessages && room.messages > 0) {
      return `${maxRetainedMessages} messages are retained`
    }
    if (retainedBytes + promised.bytes + room.bytes > maxRetainedBytes) {
      return `retained messages may have ${maxRetainedBytes} bytes together`
    }
    return undefined
  }

  get #isBounded(): boolean {
    const { maxRetainedMessages, maxRetainedBytes } = this.#options
    return maxRetainedMessages !== Number.POSITIVE_INFINITY || maxRetainedBytes !== Number.POSITIVE_INFINITY
  }
}

function quota(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_QUOTA', { detail })
}
