/**
 * The limits of a session's queue: the result of the option `queueLimits` if it is valid, otherwise the limits in the
 * options.
 */
import type { OverflowPolicy, QueueLimits } from '../../../types/persistence.js'
import { AnaxError, textOf } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { isPromise } from '../../util/maybe-promise.js'

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
      const answer = this.#ask(clientId) ?? {}
      if (isPromise(answer)) {
        answer.catch(() => {})
        throw new Error('queueLimits has to answer at once, not with a promise')
      }
      const { maxMessages, maxBytes, overflow } = answer
      return {
        maxMessages: checked(maxMessages, isBound) ?? this.#defaults.maxMessages,
        maxBytes: checked(maxBytes, isBound) ?? this.#defaults.maxBytes,
        overflow: checked(overflow, isPolicy) ?? this.#defaults.overflow,
      }
    } catch (cause) {
      const error = new AnaxError('ANAX_ERR_HOOK_FAILED', { detail: 'queueLimits', cause })
      this.#events.emit('hookError', error, 'queueLimits', null)
      return this.#defaults
    }
  }
}

function checked<T>(value: T | undefined, holds: (value: T) => boolean): T | undefined {
  if (value === undefined || holds(value)) return value
  throw new Error(`queueLimits answered ${textOf(value)}`)
}

function isBound(value: number): boolean {
  return typeof value === 'number' && value >= 1
}

function isPolicy(value: OverflowPolicy): boolean {
  return ['drop-newest', 'drop-oldest', 'reject'].includes(value)
}
