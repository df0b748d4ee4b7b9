/**
 * The retained messages in memory: one per topic, searched by filter, with their count, bytes and expiry.
 * Must not know sessions.
 */
import type { Message } from '../../../types/message/message.js'
import { messageBytes } from '../../codec/message-bytes.js'
import { filterMatches } from '../../topic/topic.js'
import { TopicTree } from '../../topic/topic-tree.js'
import { type Deadline, Deadlines } from '../deadlines.js'
import { bytesOfStored, PayloadKeeper, StoredMessage } from '../stored-message.js'

/** A message with its expiry deadline. */
class RetainedMessage extends StoredMessage {
  readonly #deadline: Deadline<RetainedMessage> | undefined

  constructor(message: Message, keeper: PayloadKeeper, deadlines: Deadlines<RetainedMessage>) {
    super(message, keeper)
    const { messageExpiry } = message
    this.#deadline = messageExpiry === undefined ? undefined : deadlines.add(this, messageExpiry)
  }

  static deadlineOf(message: Message): Deadline<RetainedMessage> | undefined {
    return #deadline in message ? message.#deadline : undefined
  }
}

/** Retained messages by topic. */
export class MemoryRetained {
  readonly #tree = new TopicTree<Message>()
  readonly #payloads = new PayloadKeeper()
  readonly #now: () => number
  readonly #expiries = new Deadlines<RetainedMessage>()
  #bytes = 0

  constructor(now: () => number) {
    this.#now = now
  }

  get count(): number {
    return this.#tree.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Stores a message, replacing the previous one of its topic; an empty payload removes it [MQTT-3.3.1-6]
   * [MQTT-3.3.1-7].
   */
  store(message: Message): void {
    if (message.payload.length === 0) {
      this.#forgotten(this.#tree.delete(message.topic))
      return
    }
    const kept = this.#copyOf(message)
    this.#forgotten(this.#tree.set(kept.topic, kept))
    this.#bytes += bytesOf(kept)
  }

  /** Bytes of a topic's message; 0 if there is none. */
  bytesAt(topic: string): number {
    const message = this.#tree.get(topic)
    return message === undefined ? 0 : bytesOf(message)
  }

  get(topic: string): Message | undefined {
    const message = this.#tree.get(topic)
    return message === undefined || this.#isExpired(message) ? undefined : message
  }

  /** The messages that match at least one of the filters, each once. */
  *match(filters: readonly string[]): Generator<Message, void, undefined> {
    for (let i = 0; i < filters.length; i++) {
      for (const message of this.#tree.match(filters[i]!)) {
        if (this.#isExpired(message)) continue
        if (!filters.some((earlier, j) => j < i && filterMatches(earlier, message.topic))) yield message
      }
    }
  }

  /** Removes and returns the next expired message. */
  takeExpired(now: number): Message | undefined {
    const message = this.#expiries.take(now)
    if (message === undefined) return undefined
    this.#tree.delete(message.topic)
    this.#bytes -= bytesOf(message)
    return message
  }

  nextExpiry(): number | undefined {
    return this.#expiries.next()
  }

  /** A packet that the broker did not create is returned with all its fields. */
  #copyOf(message: Message): Message {
    if ('messageExpiry' in message) return new RetainedMessage(message, this.#payloads, this.#expiries)
    const packet = message as Message
    return { ...packet, payload: this.#payloads.keep(packet.payload) }
  }

  #forgotten(message: Message | undefined): void {
    if (message === undefined) return
    this.#bytes -= bytesOf(message)
    this.#expiries.remove(RetainedMessage.deadlineOf(message))
  }

  #isExpired(message: Message): boolean {
    return message.messageExpiry !== undefined && message.messageExpiry <= this.#now()
  }
}

function bytesOf(message: Message): number {
  return message instanceof StoredMessage ? bytesOfStored(message) : messageBytes(message)
}
