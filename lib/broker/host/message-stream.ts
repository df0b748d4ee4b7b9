/**
 * Iterates the messages of a filter for the host: the retained ones first, then published ones, at the reader's pace.
 * Owns the unread messages and their order; must not know store and router.
 */
import type { Message } from '../../../types/message/message.js'
import type { QoS } from '../../../types/message/packets.js'
import type { MaybeAsyncIterable, MessageRef } from '../../../types/persistence.js'
import { AnaxError, wrapError } from '../../errors.js'
import { Inbox } from '../../util/collections/inbox.js'
import { warnUnheard } from '../../util/unheard-warning.js'
import { bound, checkOptions, flag, oneOf, type Rule } from '../option-rules.js'

/** Options of a message stream. */
export interface MessagesOptions {
  /** Maximum QoS, as in a subscription. @default 2 */
  qos?: QoS
  /** Whether the retained messages come first. @default false */
  retained?: boolean
  /** Maximum number of unread messages. @default 1000 */
  bound?: number
  /** What happens at this limit: a message is dropped, or reading fails with ANAX_ERR_QUOTA. @default 'drop-oldest' */
  overflow?: 'drop-oldest' | 'drop-newest' | 'fail'
}

const RULES: Record<keyof MessagesOptions, Rule> = {
  qos: oneOf(0, 1, 2),
  retained: flag,
  bound: bound(1),
  overflow: oneOf('drop-oldest', 'drop-newest', 'fail'),
}

/** The source of a stream's messages. */
export interface MessageSource {
  subscribe(listener: (message: Message) => void): Promise<void>
  unsubscribe(listener: (message: Message) => void): Promise<void>
  retained(): MaybeAsyncIterable<Message>
}

/** The messages of a filter; `broker.messages()` creates it. */
export class MessageStream implements AsyncIterator<Message, undefined> {
  /** Resolves when the subscription is live, so that no later message is missed; rejects if subscribing fails. */
  readonly ready: Promise<void>
  readonly #source: MessageSource
  readonly #qos: QoS
  readonly #inbox: Inbox<Message>
  /** Whether messages are dropped by default: then the first one is reported. */
  readonly #isReported: boolean
  #retained: Iterator<Message> | AsyncIterator<Message> | undefined
  /** Topic -> the number of the retained message that was read; older live messages of the topic are skipped. */
  readonly #read = new Map<string, MessageRef>()
  #dropped = 0
  /** Whether the stream or the broker is closed. */
  #isOver = false

  /**
   * Internal: use `broker.messages()`.
   * @throws AnaxError ANAX_ERR_ARGUMENT
   */
  constructor(source: MessageSource, options: MessagesOptions, over: (stream: MessageStream) => void) {
    checkOptions(options, RULES, 'ANAX_ERR_ARGUMENT', 'messages: ')
    const { qos = 2, retained = false, bound = 1000, overflow = 'drop-oldest' } = options
    this.#source = source
    this.#qos = qos
    this.#isReported = options.overflow === undefined
    this.#inbox = new Inbox<Message>({
      max: bound,
      overflow,
      dropped: message => this.#drop(message, bound),
      full: () => new AnaxError('ANAX_ERR_QUOTA', { detail: `${bound} messages are waiting to be read` }),
      returned: async () => {
        over(this)
        await source.unsubscribe(this.#receive)
      },
    })
    this.ready = this.#start(retained)
    // the iterator reports the error; `ready` need not be handled as well
    this.ready.catch(error => this.#inbox.end(error))
  }

  /** Number of messages dropped because the reader was too slow. */
  get dropped(): number {
    return this.#dropped
  }
  /** Number of unread messages, without retained messages that are not fetched yet. */
  get waiting(): number {
    return this.#inbox.length
  }

  /** The next message. Done when the stream or the broker is closed, and after an error. */
  async next(): Promise<IteratorResult<Message, undefined>> {
    try {
      return await this.#next()
    } catch (error) {
      // a loop that ends with an error does not call `return`
      await this.return()
      throw error
    }
  }

  async #next(): Promise<IteratorResult<Message, undefined>> {
    // messages that are published meanwhile follow the retained ones
    await this.ready.catch(() => {})
    const kept = await this.#nextRetained()
    if (kept !== undefined) return { done: false, value: this.#shown(kept) }
    for (;;) {
      const result = await this.#inbox.next()
      if (result.done === true) return result
      if (!this.#isOutdated(result.value)) return { done: false, value: this.#shown(result.value) }
    }
  }

  /** Ends the stream. `for await` calls it when the loop is left, `await using` at the end of the scope. */
  return(): Promise<IteratorResult<Message, undefined>> {
    this.#stopRetained()
    return this.#inbox.return()
  }

  /** Ends the stream because the broker is closed. */
  end(): void {
    this.#stopRetained()
    this.#inbox.end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  readonly #receive = (message: Message): void => {
    this.#inbox.push(message)
  }

  #drop({ topic }: Message, bound: number): void {
    if (++this.#dropped > 1 || !this.#isReported) return
    const what = `a reader of broker.messages() has ${bound} unread messages, and one to ${topic} was dropped`
    warnUnheard(`${what}; this is reported once; set the option 'overflow', and see 'dropped' of the stream`)
  }

  async #start(retained: boolean): Promise<void> {
    await this.#source.subscribe(this.#receive)
    if (!retained || this.#isOver) return
    try {
      const items = this.#source.retained()
      this.#retained = Symbol.iterator in items ? items[Symbol.iterator]() : items[Symbol.asyncIterator]()
    } catch (error) {
      throw wrapError('ANAX_ERR_STORE', error)
    }
  }

  async #nextRetained(): Promise<Message | undefined> {
    const retained = this.#retained
    if (retained === undefined) return undefined
    try {
      const { done, value } = await retained.next()
      // the stream may have ended meanwhile
      if (done !== true && retained === this.#retained) return this.#noted(value)
    } catch (error) {
      if (retained === this.#retained) throw wrapError('ANAX_ERR_STORE', error)
    }
    if (retained === this.#retained) this.#retained = undefined
    return undefined
  }

  #noted(message: Message): Message {
    const { topic, brokerId, brokerCounter } = message
    this.#read.set(topic, { brokerId, brokerCounter })
    return message
  }

  /** The rest of the retained messages is not read. */
  async #stopRetained(): Promise<void> {
    const retained = this.#retained
    this.#isOver = true
    this.#retained = undefined
    try {
      await retained?.return?.()
    } catch {
      // nobody reads any more who could be told
    }
  }

  /** Whether a newer message of its topic was read already, as the retained one. */
  #isOutdated({ topic, brokerId, brokerCounter }: Message): boolean {
    const read = this.#read.get(topic)
    if (read === undefined || read.brokerId !== brokerId) return false
    if (read.brokerCounter >= brokerCounter) return true
    this.#read.delete(topic)
    return false
  }

  #shown(message: Message): Message {
    return message.qos > this.#qos ? { ...message, qos: this.#qos } : message
  }
}
