/**
 * Messages of a filter for the host to iterate: the retained ones first, then what is published, at the reader's pace.
 * Owns what waits and the order; must not know store and router.
 */
import type { Message } from '../../../types/message.js'
import type { QoS } from '../../../types/packets.js'
import type { MaybeAsyncIterable } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import { Inbox } from '../../util/inbox.js'

/** How messages are read. */
export interface MessagesOptions {
  /** Highest QoS that messages show, as with a subscription. @default 2 */
  qos?: QoS
  /** Whether the retained messages come first. @default false */
  retained?: boolean
  /** Messages that may wait to be read. @default 1000 */
  bound?: number
  /** What happens beyond: a message is dropped, or reading fails with ANAX_ERR_QUOTA. @default 'drop-oldest' */
  overflow?: 'drop-oldest' | 'drop-newest' | 'fail'
}

/** What a stream is made of. */
export interface MessageSource {
  subscribe(listener: (message: Message) => void): Promise<void>
  unsubscribe(listener: (message: Message) => void): Promise<void>
  retained(): MaybeAsyncIterable<Message>
}

/** The messages of a filter; `broker.messages()` makes it. */
export class MessageStream implements AsyncIterableIterator<Message, undefined> {
  /** Resolves when everything that is published from now on will come; rejects where the filter cannot be had. */
  readonly ready: Promise<void>
  readonly #source: MessageSource
  readonly #qos: QoS
  readonly #inbox: Inbox<Message>
  #retained: Iterator<Message> | AsyncIterator<Message> | undefined
  /** Topic -> the retained message that was read: what was published before it is not to come behind it. */
  readonly #read = new Map<string, Message>()
  #dropped = 0

  /** For the broker alone. */
  constructor(source: MessageSource, options: MessagesOptions, over: (stream: MessageStream) => void) {
    const { qos = 2, retained = false, bound = 1000, overflow = 'drop-oldest' } = options
    this.#source = source
    this.#qos = qos
    this.#inbox = new Inbox<Message>({
      max: bound,
      overflow,
      dropped: () => this.#dropped++,
      full: () => new AnaxError('ANAX_ERR_QUOTA', { detail: `${bound} messages are waiting to be read` }),
      returned: async () => {
        over(this)
        await source.unsubscribe(this.#receive)
      },
    })
    this.ready = this.#start(retained)
    // who iterates is told; nobody has to look at both
    this.ready.catch(error => this.#inbox.end(error))
  }

  /** How many messages were dropped because they were not read in time. */
  get dropped(): number {
    return this.#dropped
  }
  /** How many messages wait to be read; retained ones are not fetched before their turn. */
  get waiting(): number {
    return this.#inbox.length
  }

  /** The next message. Done when the stream or the broker is closed. */
  async next(): Promise<IteratorResult<Message, undefined>> {
    // what is published while retained messages are read waits for them
    await this.ready.catch(() => {})
    const kept = await this.#nextRetained()
    if (kept !== undefined) return { done: false, value: this.#shown(kept) }
    for (;;) {
      const result = await this.#inbox.next()
      if (result.done === true) return result
      if (!this.#isOutdated(result.value)) return { done: false, value: this.#shown(result.value) }
    }
  }

  /** Ends it. `for await` does so where the loop is left, `await using` at the end of the scope. */
  return(): Promise<IteratorResult<Message, undefined>> {
    this.#retained = undefined
    return this.#inbox.return()
  }

  /** No more messages come: the broker is closed. */
  end(): void {
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

  async #start(retained: boolean): Promise<void> {
    await this.#source.subscribe(this.#receive)
    if (!retained) return
    const items = this.#source.retained()
    this.#retained = Symbol.iterator in items ? items[Symbol.iterator]() : items[Symbol.asyncIterator]()
  }

  async #nextRetained(): Promise<Message | undefined> {
    const result = await this.#retained?.next()
    if (result === undefined) return undefined
    if (result.done === true) {
      this.#retained = undefined
      return undefined
    }
    this.#read.set(result.value.topic, result.value)
    return result.value
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
