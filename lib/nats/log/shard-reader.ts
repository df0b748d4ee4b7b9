/**
 * Reads the messages of one shard that this node needs, in order and without gaps. Recreates its consumer after the
 * last message when the consumer fails or the filters change. Owns the position up to which everything was read; must
 * not know the subscribers.
 */
import type { ConsumerMessages, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import { EPHEMERAL, PULL, withoutGaps } from '../wire/pull.js'
import { clusterError, type Wire } from '../wire/wire.js'

/** Maximum number of prefetched messages. */
const PREFETCH = 500
const PAUSE_MS = 200
/** The time limit for a mark, and the interval of the checks. */
const PATIENCE_MS = 2000
const LOOK_MS = 1
const MARK_SECONDS = 60
const NOTHING = new Uint8Array(0)

export interface ShardReaderParts {
  readonly wire: Wire
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly stream: string
  /** A subject of this node alone, to mark a place in the stream. */
  readonly mark: string
  /** The name of the consumer, with a number. */
  readonly name: string
  /** Called with each message; the next one waits for the promise. */
  take(message: JsMsg): void | Promise<void>
  failed(error: Error): void
}

export class ShardReader {
  readonly #parts: ShardReaderParts
  /** The current and the wanted filters of the consumer. */
  #subjects: readonly string[] = []
  #wanted: readonly string[] = []
  /** All messages up to here were passed on. */
  #position = 0
  /** The number of messages that were not read yet. */
  #lag = 0
  #count = 0
  #consumer: string | undefined
  #messages: ConsumerMessages | undefined
  /** Whether the consumer delivers nothing more. */
  #isBroken = false
  #adjusting: Promise<void> | undefined
  #reading: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(parts: ShardReaderParts) {
    this.#parts = parts
  }

  /** The sequence of the last message that was passed on, or that is known not to match. */
  get position(): number {
    return this.#position
  }

  /** The number of matching messages that were not read yet, according to the last message from the server. */
  get lag(): number {
    return this.#lag
  }

  /**
   * Reads other subjects from now on. Resolves when this is in effect: every matching message that is written
   * afterwards will arrive.
   */
  want(subjects: readonly string[]): Promise<void> {
    this.#wanted = subjects
    return this.#adjust()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#stopReading()
  }

  get #isAsWanted(): boolean {
    return this.#isStopped || (!this.#isBroken && this.#subjects === this.#wanted)
  }

  /** Creates one consumer at a time, because the subjects have changed or the previous one is gone. */
  #adjust(): Promise<void> {
    if (!this.#isAsWanted) this.#adjusting ??= this.#makeAsWanted()
    return this.#adjusting ?? Promise.resolve()
  }

  async #makeAsWanted(): Promise<void> {
    while (!this.#isAsWanted) {
      const wanted = this.#wanted
      try {
        await this.#replace(wanted)
        this.#subjects = wanted
      } catch (error) {
        this.#isBroken ||= this.#consumer === undefined
        this.#parts.failed(clusterError(error))
        await pause(PAUSE_MS)
      }
    }
    this.#adjusting = undefined
  }

  async #replace(subjects: readonly string[]): Promise<void> {
    // a reader without filters begins at the end
    if (this.#subjects.length === 0) this.#position = Math.max(this.#position, await this.#end())
    else if (!this.#isBroken) await this.#catchUp()
    await this.#stopReading()
    this.#isBroken = false
    if (subjects.length > 0 && !this.#isStopped) await this.#begin(subjects)
  }

  #end(): Promise<number> {
    return this.#parts.wire.end(this.#parts.stream)
  }

  /**
   * Waits until all messages of the previous filters were passed on, so that the next consumer can begin after them. A
   * mark in the stream is the only proof, because the consumer's server may be behind the leader. If the mark does not
   * arrive, the next consumer begins at the current position.
   */
  async #catchUp(): Promise<void> {
    if (this.#consumer === undefined) return
    const { wire, mark } = this.#parts
    const record = { subject: mark, body: NOTHING, ttl: MARK_SECONDS, replaces: true }
    const { seq } = await wire.write(record, {}, PATIENCE_MS)
    const until = performance.now() + PATIENCE_MS
    const isOver = () => this.#position >= seq || this.#isBroken || this.#isStopped
    while (!isOver() && performance.now() < until) await pause(LOOK_MS)
  }

  async #begin(subjects: readonly string[]): Promise<void> {
    const { manager, client, stream, name } = this.#parts
    const consumer = `${name}-${++this.#count}`
    await manager.consumers.add(stream, {
      ...EPHEMERAL,
      name: consumer,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: this.#position + 1,
      filter_subjects: [...subjects, this.#parts.mark],
    })
    const messages = await (await client.consumers.get(stream, consumer)).consume({ ...PULL, max_messages: PREFETCH })
    this.#consumer = consumer
    this.#messages = messages
    this.#reading = this.#read(messages)
    if (this.#isStopped) await this.#stopReading()
  }

  async #read(messages: ConsumerMessages): Promise<void> {
    try {
      for await (const message of withoutGaps(messages, this.#parts.failed)) {
        if (messages !== this.#messages) return
        if (message.seq > this.#position) {
          const taken = message.subject === this.#parts.mark ? undefined : this.#parts.take(message)
          this.#position = message.seq
          this.#lag = message.info.pending
          if (taken !== undefined) await taken
        }
      }
    } catch (error) {
      this.#parts.failed(clusterError(error))
    }
    if (messages === this.#messages) this.#goOn()
  }

  /**
   * Called when the consumer or its server is gone, or a message is missing: another consumer continues after the last
   * message.
   */
  #goOn(): void {
    this.#isBroken = true
    this.#adjust()
  }

  async #stopReading(): Promise<void> {
    const { manager, stream } = this.#parts
    const [consumer, messages] = [this.#consumer, this.#messages]
    this.#consumer = undefined
    this.#messages = undefined
    messages?.stop()
    // a message may still be in progress
    await this.#reading
    if (consumer !== undefined) manager.consumers.delete(stream, consumer).catch(() => {})
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
