/**
 * The rules for retained messages: which may be retained, and for how long. The store keeps the messages and counts
 * them.
 */
import type { Message } from '../../../types/message/message.js'
import type { MaybePromise, RetainedLimits, SessionPersistence } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { AnaxError } from '../../errors.js'
import { copyOf } from '../../model/message.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

export class Retention {
  readonly #store: SessionPersistence
  readonly #options: ResolvedOptions
  readonly #now: () => number
  /** Undefined if there is nothing to check. */
  readonly #limits: RetainedLimits | undefined

  /** @param now milliseconds since the epoch */
  constructor(store: SessionPersistence, options: ResolvedOptions, now: () => number) {
    this.#store = store
    this.#options = options
    this.#now = now
    const { maxRetainedMessages: maxMessages, maxRetainedBytes: maxBytes } = options
    const isBounded = maxMessages !== Number.POSITIVE_INFINITY || maxBytes !== Number.POSITIVE_INFINITY
    this.#limits = isBounded ? { maxMessages, maxBytes } : undefined
  }

  /**
   * Checks that a message may be retained, before anything is stored.
   * @throws AnaxError ANAX_ERR_QUOTA
   */
  check(message: Message): void {
    const { maxRetainedPayload } = this.#options
    if (message.payload.length > maxRetainedPayload) {
      throw new AnaxError('ANAX_ERR_QUOTA', { detail: `a retained payload may have ${maxRetainedPayload} bytes` })
    }
    if (this.#limits !== undefined) this.#store.checkRetained(message, this.#limits)
  }

  /**
   * Keeps a message for later subscribers; an empty payload removes the earlier one [MQTT-3.3.1-5], [MQTT-3.3.1-6].
   * @throws AnaxError ANAX_ERR_QUOTA if the host has published another one since {@link check}, in a listener of `drop`
   */
  keep(message: PublishMessage): MaybePromise<void> {
    this.check(message)
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
}
