/**
 * Watches the records of the nodes and passes each to the membership. Owns the consumer; must not know their meaning.
 */
import type { ConsumerMessages, JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { followLatest } from '../pull.js'
import { clusterError } from '../wire.js'
import type { Membership } from './membership.js'

const PAUSE_MS = 300

export interface NodeWatchParts {
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly stream: string
  readonly name: string
  /** The prefix of a subject, before the node. */
  readonly base: string
  readonly membership: Membership
  failed(error: Error): void
}

export class NodeWatch {
  readonly #parts: NodeWatchParts
  #messages: ConsumerMessages | undefined
  #count = 0
  #isStopped = false

  constructor(parts: NodeWatchParts) {
    this.#parts = parts
  }

  /** Resolves when all nodes are known that there are. */
  async start(): Promise<void> {
    const { messages, pending } = await this.#begin()
    await new Promise<void>(resolve => {
      if (pending === 0) resolve()
      this.#run(messages, pending, resolve)
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#messages?.stop()
  }

  async #begin(): Promise<{ messages: ConsumerMessages; pending: number }> {
    const { name, base } = this.#parts
    const followed = await followLatest(this.#parts, `${name}-nodes-${++this.#count}`, [`${base}*`])
    this.#messages = followed.messages
    return followed
  }

  async #run(first: ConsumerMessages, pending: number, caughtUp: () => void): Promise<void> {
    let messages: ConsumerMessages | undefined = first
    let left = pending
    while (messages !== undefined && !this.#isStopped) {
      this.#watch(messages).catch(this.#parts.failed)
      try {
        for await (const { subject, seq, data } of messages) {
          const record = { subject, sequence: seq, body: data, time: 0 }
          this.#parts.membership.read(subject.slice(this.#parts.base.length), record)
          if (--left === 0) caughtUp()
        }
      } catch (error) {
        this.#parts.failed(clusterError(error))
      }
      messages = await this.#again()
    }
  }

  /** Undefined once it is stopped: the connection is closed then. */
  async #again(): Promise<ConsumerMessages | undefined> {
    while (!this.#isStopped) {
      try {
        return (await this.#begin()).messages
      } catch (error) {
        this.#parts.failed(clusterError(error))
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
      }
    }
    return undefined
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === 'heartbeats_missed' || type === 'consumer_deleted' || type === 'consumer_not_found') messages.stop()
    }
  }
}
