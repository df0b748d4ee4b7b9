/**
 * Passes the messages of a client to the handlers of their filters, one at a time, or to `next()` and iterators. Owns
 * the unread messages and when they are acknowledged; knows no stream.
 */
import { textOf } from '../errors.js'
import { ReasonCode } from '../reason-codes.js'
import { filterMatches, parseShare } from '../topic/topic.js'
import { Inbox } from '../util/collections/inbox.js'
import { warnUnheard } from '../util/unheard-warning.js'
import type { ConnectOptions } from './options.js'
import type { MessageHandler, ReceivedMessage } from './received-message.js'

export class Reading {
  /** Subscribed filter -> handler. */
  readonly #handlers = new Map<string, { filter: string; handler: MessageHandler }>()
  readonly #unclaimed: Inbox<ReceivedMessage>
  readonly #claimed: Inbox<ReceivedMessage>
  readonly #isManual: boolean
  readonly #onError: NonNullable<ConnectOptions['onError']>
  #isHandling = false
  /** QoS 0 messages that were dropped because nobody read them. */
  dropped = 0

  constructor({ acknowledge, maxBuffered = 1000, overflow = 'drop-oldest', onError = reportOnce() }: ConnectOptions) {
    const dropped = (message: ReceivedMessage) => {
      this.dropped++
      message.ack()
    }
    this.#unclaimed = new Inbox({ max: maxBuffered, overflow, dropped })
    this.#claimed = new Inbox({ max: maxBuffered, overflow, dropped })
    this.#isManual = acknowledge === 'manual'
    this.#onError = onError
  }

  get buffered(): number {
    return this.#unclaimed.length + this.#claimed.length
  }

  handle(filters: readonly string[], handler: MessageHandler): void {
    for (const asked of filters) this.#handlers.set(asked, { filter: parseShare(asked)?.filter ?? asked, handler })
    // messages of a resumed session arrived before their handler
    for (const message of this.#unclaimed.extract(waiting => this.#handlersOf(waiting).length > 0))
      this.#claimed.add(message)
    if (this.#isHandling) return
    this.#isHandling = true
    this.#handleAll()
  }

  unhandle(filters: readonly string[]): void {
    for (const asked of filters) this.#handlers.delete(asked)
  }

  take(message: ReceivedMessage): void {
    const inbox = this.#handlersOf(message).length > 0 ? this.#claimed : this.#unclaimed
    // messages that need an acknowledgement are limited by the Receive Maximum, and must not be dropped
    if (message.qos > 0) inbox.add(message)
    else inbox.push(message)
  }

  async next(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    const result = await this.#unclaimed.next()
    if (result.done !== true && !this.#isManual) result.value.ack()
    return result
  }

  end(): void {
    this.#unclaimed.end()
    this.#claimed.end()
  }

  async #handleAll(): Promise<void> {
    for await (const message of this.#claimed) {
      const reasonCode = await this.#handleOne(message)
      if (!this.#isManual || reasonCode > 0) message.ack(reasonCode)
    }
  }

  async #handleOne(message: ReceivedMessage): Promise<number> {
    try {
      await Promise.all(this.#handlersOf(message).map(async ({ handler }) => handler(message)))
      return ReasonCode.Success
    } catch (error) {
      this.#onError(error, message.topic)
      return ReasonCode.ImplementationSpecificError
    }
  }

  #handlersOf({ topic }: ReceivedMessage): { filter: string; handler: MessageHandler }[] {
    return [...this.#handlers.values()].filter(({ filter }) => filterMatches(filter, topic))
  }
}

/** Reports the first handler that fails of a client without `onError`. */
function reportOnce(): NonNullable<ConnectOptions['onError']> {
  let isReported = false
  return (cause, topic) => {
    if (isReported) return
    isReported = true
    const what = `a handler failed, so a message to ${topic} was refused, and does not come again: ${textOf(cause)}`
    warnUnheard(`${what}; this is reported once; set the option 'onError' to see each failure`, cause)
  }
}
