/**
 * This node's consumer of one shared subscription: pulls messages for its members and tracks the unsettled ones. The
 * server tracks, for all nodes, which messages were delivered and settled. Must not know members.
 */
import { createHash } from 'node:crypto'
import type { ConsumerMessages, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Group, GroupHandler, LogPosition } from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'
import { messageFrom } from './wire/message-bytes.js'
import type { Patience } from './wire/patience.js'
import { PULL, stopWhenGone } from './wire/pull.js'
import { filterTokens, LONG_TOPICS, type ShardSubjects, signalFilter, topicOf } from './wire/subjects.js'
import { clusterError, type Wire } from './wire/wire.js'

const NANOS_PER_MS = 1_000_000
/** Messages that a failed node held are redelivered after this time. */
const SETTLE_MS = 20_000
/** How often the server is told that held messages are still being processed. */
const REMIND_MS = SETTLE_MS / 4
/** Maximum number of messages of one shard that a node holds. */
const MAX_HELD = 100
/** Number of last settled messages that a node remembers, for each shard. */
const MAX_SETTLED = 1000
const PREFETCH = 20
const PAUSE_MS = 500
/** The server removes a group without members on any node after this time. */
const IDLE_MS = 3_600_000

export interface GroupParts {
  readonly nc: NatsConnection
  readonly wire: Pick<Wire, 'flush'>
  readonly patience: Patience
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly prefix: string
  readonly shards: readonly { readonly stream: string; readonly subjects: ShardSubjects }[]
  failed(error: Error): void
}

/** The messages of one shard that this node holds. */
class Holding {
  /** Unsettled messages, by sequence. */
  readonly held = new Map<number, JsMsg>()
  /** Messages settled recently: a server that has just become the leader may deliver them again. */
  readonly settled = new Set<number>()
  pull: ConsumerMessages | undefined
  /** Called when there is room for another message. */
  room: (() => void) | undefined

  /** Whether a message was delivered before; a settled one is settled again. */
  isKnown(message: JsMsg): boolean {
    const isSettled = this.settled.has(message.seq)
    if (isSettled) message.ack()
    return isSettled || this.held.has(message.seq)
  }

  /** @returns whether the message was held */
  settle(sequence: number): boolean {
    if (!this.held.delete(sequence)) return false
    this.settled.add(sequence)
    const [oldest] = this.settled
    if (this.settled.size > MAX_SETTLED) this.settled.delete(oldest!)
    return true
  }
}

export class NatsGroup implements Group {
  readonly #parts: GroupParts
  readonly #take: GroupHandler
  readonly #name: string
  readonly #tokens: string
  /** By shard. */
  readonly #holdings: readonly Holding[]
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
    this.#holdings = parts.shards.map(() => new Holding())
  }

  async join(): Promise<void> {
    const { nc, wire, patience, prefix, shards } = this.#parts
    const base = signalFilter(prefix, '').length
    this.#signals = nc.subscribe(signalFilter(prefix, this.#tokens), {
      queue: this.#name,
      callback: (error, { subject, data }) => {
        if (!error) this.#takeSignal(messageFrom(data, topicOf(subject.slice(base))).message)
      },
    })
    await Promise.all(shards.map((_, shard) => patience.answered(() => this.#makeConsumer(shard))))
    // the node may have left meanwhile
    if (this.#hasLeft) return
    for (const shard of shards.keys()) this.#pull(shard)
    this.#timer = setInterval(() => this.#remind(), REMIND_MS)
    await wire.flush()
  }

  async leave(): Promise<void> {
    this.#hasLeft = true
    clearInterval(this.#timer)
    this.#signals?.unsubscribe()
    for (const { pull, room } of this.#holdings) {
      pull?.stop()
      room?.()
    }
    if (this.#parts.nc.isClosed()) return
    for (const { held } of this.#holdings) for (const message of held.values()) message.nak()
    await this.#parts.wire.flush()
  }

  #remind(): void {
    if (this.#parts.nc.isClosed()) return
    for (const { held } of this.#holdings) for (const message of held.values()) message.working()
  }

  #takeSignal(message: Message): void {
    this.#take({ position: undefined, message, done() {}, giveBack() {} })
  }

  /** The consumer is the same on every node: the first one creates it. */
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

  /** Pulls until the node leaves; if its server fails, another one takes over soon. */
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
    const holding = this.#holdings[shard]!
    holding.pull = messages
    stopWhenGone(messages).catch(failed)
    const base = subjects.logOf('').length
    for await (const message of messages) {
      if (this.#hasLeft) message.nak()
      else if (!holding.isKnown(message)) {
        this.#hold(shard, holding, message, base)
        if (holding.held.size >= MAX_HELD) await untilRoom(holding)
      }
    }
  }

  #hold(shard: number, holding: Holding, message: JsMsg, base: number): void {
    const position: LogPosition = { shard, sequence: message.seq }
    holding.held.set(message.seq, message)
    const answer = (how: 'ack' | 'nak') => {
      if (!this.#parts.nc.isClosed()) message[how]()
      holding.room?.()
    }
    const content = messageFrom(message.data, topicOf(message.subject.slice(base))).message
    this.#take({
      position,
      message: content,
      done: () => {
        if (holding.settle(message.seq)) answer('ack')
      },
      giveBack: () => {
        if (holding.held.delete(message.seq)) answer('nak')
      },
    })
  }
}

function untilRoom(holding: Holding): Promise<void> {
  return new Promise(resolve => {
    holding.room = () => {
      holding.room = undefined
      resolve()
    }
  })
}
