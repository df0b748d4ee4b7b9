/**
 * This node's consumer of one shared subscription: pulls messages for its members and tracks the unsettled ones. The
 * server tracks, for all nodes, which messages were delivered and settled. Must not know members.
 */
import { createHash } from 'node:crypto'
import type { ConsumerMessages, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Group, GroupHandler, LogPosition } from '../../types/cluster.js'
import type { Message } from '../../types/message.js'
import { messageFrom } from './message-bytes.js'
import { PULL, stopWhenGone } from './pull.js'
import { filterTokens, LONG_TOPICS, type ShardSubjects, signalFilter, topicOf } from './subjects.js'
import { clusterError, flushed } from './wire.js'

const NANOS_PER_MS = 1_000_000
/** Messages that a lost node held are handed out again after this. */
const SETTLE_MS = 20_000
/** How often the server is told that what is held is not forgotten. */
const REMIND_MS = SETTLE_MS / 4
/** Messages of one shard that a node holds at most. */
const MAX_HELD = 100
const PREFETCH = 20
const PAUSE_MS = 500
/** A group that no node has members of goes by itself. */
const IDLE_MS = 3_600_000

export interface GroupParts {
  readonly nc: NatsConnection
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly prefix: string
  readonly shards: readonly { readonly stream: string; readonly subjects: ShardSubjects }[]
  failed(error: Error): void
}

export class NatsGroup implements Group {
  readonly #parts: GroupParts
  readonly #take: GroupHandler
  readonly #name: string
  readonly #tokens: string
  readonly #held = new Set<JsMsg>()
  readonly #pulls: (ConsumerMessages | undefined)[] = []
  /** Called when there is room for another message, by shard. */
  readonly #room: ((() => void) | undefined)[] = []
  readonly #heldOf: number[] = []
  #signals: Subscription | undefined
  #timer: NodeJS.Timeout | undefined
  #hasLeft = false

  /** @param share `$share/name/filter` */
  constructor(share: string, take: GroupHandler, parts: GroupParts) {
    this.#parts = parts
    this.#take = take
    const digest = createHash('sha256').update(share).digest('hex').slice(0, 32)
    this.#name = `${parts.prefix}-share-${digest}`
    this.#tokens = filterTokens(share.slice(share.indexOf('/', '$share/'.length) + 1))
  }

  async join(): Promise<void> {
    const { nc, prefix, shards } = this.#parts
    const base = signalFilter(prefix, '').length
    this.#signals = nc.subscribe(signalFilter(prefix, this.#tokens), {
      queue: this.#name,
      callback: (error, { subject, data }) => {
        if (!error) this.#takeSignal(messageFrom(data, topicOf(subject.slice(base))).message)
      },
    })
    await Promise.all(shards.map((_, shard) => this.#makeConsumer(shard)))
    // the node may have gone meanwhile
    if (this.#hasLeft) return
    for (const shard of shards.keys()) this.#pull(shard)
    this.#timer = setInterval(() => {
      if (!nc.isClosed()) for (const message of this.#held) message.working()
    }, REMIND_MS)
    await flushed(nc)
  }

  async leave(): Promise<void> {
    this.#hasLeft = true
    clearInterval(this.#timer)
    this.#signals?.unsubscribe()
    for (const messages of this.#pulls) messages?.stop()
    for (const resume of this.#room) resume?.()
    if (this.#parts.nc.isClosed()) return
    for (const message of this.#held) message.nak()
    await flushed(this.#parts.nc)
  }

  #takeSignal(message: Message): void {
    this.#take({ position: undefined, message, done() {}, giveBack() {} })
  }

  /** The same on every node: the first one makes it. */
  async #makeConsumer(shard: number): Promise<void> {
    const { manager, shards } = this.#parts
    const { stream, subjects } = shards[shard]!
    const wanted = new Set([this.#tokens, LONG_TOPICS])
    await manager.consumers.add(stream, {
      durable_name: this.#name,
      ack_policy: 'explicit',
      ack_wait: SETTLE_MS * NANOS_PER_MS,
      deliver_policy: 'new',
      filter_subjects: [...(this.#tokens === '>' ? ['>'] : wanted)].map(tokens => subjects.logOf(tokens)),
      max_ack_pending: 10_000,
      max_deliver: -1,
      inactive_threshold: IDLE_MS * NANOS_PER_MS,
    })
  }

  /** Pulls until the node leaves; a server that is gone is another one soon. */
  async #pull(shard: number): Promise<void> {
    while (!this.#hasLeft) {
      try {
        await this.#pullOnce(shard)
      } catch (error) {
        this.#parts.failed(clusterError(error))
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
        if (!this.#hasLeft) await this.#makeConsumer(shard).catch(this.#parts.failed)
      }
    }
  }

  async #pullOnce(shard: number): Promise<void> {
    const { client, shards, failed } = this.#parts
    const { stream, subjects } = shards[shard]!
    const consumer = await client.consumers.get(stream, this.#name)
    const messages = await consumer.consume({ ...PULL, max_messages: PREFETCH })
    this.#pulls[shard] = messages
    stopWhenGone(messages).catch(failed)
    const base = subjects.logOf('').length
    for await (const message of messages) {
      if (this.#hasLeft) message.nak()
      else {
        this.#hold(shard, message, base)
        if ((this.#heldOf[shard] ?? 0) >= MAX_HELD) await this.#untilRoom(shard)
      }
    }
  }

  #hold(shard: number, message: JsMsg, base: number): void {
    this.#held.add(message)
    this.#heldOf[shard] = (this.#heldOf[shard] ?? 0) + 1
    const position: LogPosition = { shard, sequence: message.seq }
    const settle = (answer: 'ack' | 'nak') => () => {
      if (!this.#held.delete(message)) return
      this.#heldOf[shard]!--
      if (!this.#parts.nc.isClosed()) message[answer]()
      this.#room[shard]?.()
    }
    const content = messageFrom(message.data, topicOf(message.subject.slice(base))).message
    this.#take({ position, message: content, done: settle('ack'), giveBack: settle('nak') })
  }

  #untilRoom(shard: number): Promise<void> {
    return new Promise(resolve => {
      this.#room[shard] = () => {
        this.#room[shard] = undefined
        resolve()
      }
    })
  }
}
