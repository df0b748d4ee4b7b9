/** How much a session's queue may hold: the options, or what the host says of one client. Fails to the options. */
import type { QueueLimits } from '../../types/persistence.js'
import { AnaxError } from '../errors.js'
import type { EventSink, ResolvedOptions } from '../session/ports.js'

export class QueueLimitRules {
  readonly #defaults: QueueLimits
  readonly #ask: ResolvedOptions['queueLimits']
  readonly #events: EventSink

  constructor(options: ResolvedOptions, events: EventSink) {
    this.#defaults = Object.freeze({
      maxMessages: options.maxQueuedMessages,
      maxBytes: options.maxQueuedBytes,
      overflow: options.queueOverflow,
    })
    this.#ask = options.queueLimits
    this.#events = events
  }

  of(clientId: string): QueueLimits {
    if (this.#ask === undefined) return this.#defaults
    try {
      return { ...this.#defaults, ...this.#ask(clientId) }
    } catch (cause) {
      const error = new AnaxError('ANAX_ERR_HOOK_FAILED', { detail: 'queueLimits', cause })
      this.#events.emit('hookError', error, 'queueLimits', null)
      return this.#defaults
    }
  }
}
