/**
 * QoS 0 messages between nodes: sent to the nodes that are subscribed at that moment. Owns the subscriptions in NATS;
 * stores nothing.
 */
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Message } from '../../types/message/message.js'
import { AnaxError } from '../index.js'
import { messageBytes, messageFrom } from './wire/message-bytes.js'
import { LONG_TOPICS, signalFilter, signalSubject, topicOf } from './wire/subjects.js'
import { maxBodyBytes } from './wire/wire.js'

export interface SignalsParts {
  readonly nc: NatsConnection
  readonly prefix: string
  /** This run of this node. */
  readonly epoch: string
  take(message: Message): void
  failed(error: Error): void
}

export class Signals {
  readonly #parts: SignalsParts
  readonly #subscriptions = new Map<string, Subscription>()
  /** Epoch -> the number of its last message, because overlapping subscriptions bring a message several times. */
  readonly #last = new Map<string, number>()
  #sent = 0
  /** Whether the connection is up. */
  isConnected = true

  constructor(parts: SignalsParts) {
    this.#parts = parts
  }

  send(message: Message): void {
    const { nc, prefix, epoch, failed } = this.#parts
    // without a connection the message would be queued, which QoS 0 must not be
    if (!this.isConnected) return
    const subject = signalSubject(prefix, message.topic)
    const tokens = subject.slice(signalFilter(prefix, '').length)
    const origin = { node: epoch, count: ++this.#sent }
    const body = messageBytes(message, topicOf(tokens) === undefined ? 'long' : 'short', origin)
    if (body.length <= maxBodyBytes(nc)) nc.publish(subject, body)
    else failed(new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: `for other nodes: ${message.topic}` }))
  }

  want(tokens: string): void {
    if (this.#subscriptions.size === 0) this.#subscribe(LONG_TOPICS)
    this.#subscribe(tokens)
  }

  unwant(tokens: string): void {
    if (tokens === LONG_TOPICS) return
    this.#unsubscribe(tokens)
    if (this.#subscriptions.size === 1) this.#unsubscribe(LONG_TOPICS)
  }

  stop(): void {
    for (const tokens of [...this.#subscriptions.keys()]) this.#unsubscribe(tokens)
  }

  #subscribe(tokens: string): void {
    if (this.#subscriptions.has(tokens)) return
    const { nc, prefix, epoch, take } = this.#parts
    const base = signalFilter(prefix, '').length
    const subscription = nc.subscribe(signalFilter(prefix, tokens), {
      callback: (error, { subject, data }) => {
        if (error) return
        const { message, origin } = messageFrom(data, topicOf(subject.slice(base)))
        if (origin === undefined || origin.node === epoch || this.#isKnown(origin.node, origin.count)) return
        take(message)
      },
    })
    this.#subscriptions.set(tokens, subscription)
  }

  #unsubscribe(tokens: string): void {
    this.#subscriptions.get(tokens)?.unsubscribe()
    this.#subscriptions.delete(tokens)
  }

  /** Signals of one node arrive in order, so the number tells whether one is a duplicate. */
  #isKnown(node: string, count: number): boolean {
    if ((this.#last.get(node) ?? 0) >= count) return true
    this.#last.set(node, count)
    return false
  }
}
