/**
 * Watches the records of the nodes and passes each to the membership. Owns the consumer; must not know their meaning.
 */
import type { ConsumerMessages, JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { type Followed, followLatest, withoutGaps } from '../wire/pull.js'
import { clusterError } from '../wire/wire.js'
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

  /** Resolves when all existing nodes are known. */
  async start(): Promise<void> {
    const first = await this.#begin()
    await new Promise<void>(resolve => {
      this.#run(first, resolve)
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#messages?.stop()
  }

  async #begin(): Promise<Followed> {
    const { name, base } = this.#parts
    const followed = await followLatest(this.#parts, `${name}-nodes-${++this.#count}`, [`${base}*`])
    this.#messages = followed.messages
    // nobody would read them, and their timer would keep the process alive
    if (this.#isStopped) followed.messages.stop()
    return followed
  }

  async #run(first: Followed, caughtUp: () => void): Promise<void> {
    const { membership, base, failed } = this.#parts
    let followed: Followed | undefined = first
    while (followed !== undefined && !this.#isStopped) {
      let left = followed.pending
      if (left === 0) caughtUp()
      try {
        for await (const { subject, seq, data } of withoutGaps(followed.messages, failed)) {
          membership.read(subject.slice(base.length), { subject, sequence: seq, body: data, time: 0 })
          if (--left === 0) caughtUp()
        }
      } catch (error) {
        failed(clusterError(error))
      }
      followed = await this.#again()
    }
  }

  /** Recreates the consumer. Undefined if the watch was stopped, because the connection is closed then. */
  async #again(): Promise<Followed | undefined> {
    while (!this.#isStopped) {
      try {
        return await this.#begin()
      } catch (error) {
        this.#parts.failed(clusterError(error))
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
      }
    }
    return undefined
  }
}
