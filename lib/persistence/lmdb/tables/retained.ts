/**
 * The retained messages in the LMDB store: one per topic, with their count, bytes and expiry. Messages that are being
 * written already count and are found, so that limits hold. Knows no session.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Message } from '../../../../types/message/message.js'
import { messageBytes } from '../../../codec/message-bytes.js'
import { AnaxError } from '../../../errors.js'
import { filterMatches, hasWildcard } from '../../../topic/topic.js'
import {
  behind,
  type MessageRow,
  messageOf,
  messageRow,
  type PacketRow,
  packetOf,
  packetRow,
  textKey,
  textPrefix,
  textPrefixEnd,
} from '../engine/encoding.js'
import type { Counters, LmdbEnvironment } from '../engine/environment.js'
import type { Table } from '../engine/table.js'
import type { LmdbWriter } from '../engine/writer.js'
import { DeadlineKind, type LmdbDeadlines } from './deadlines.js'
import { TopicScan } from './topic-scan.js'

/** A message. A packet that does not come from this broker keeps all its fields. */
export type RetainedRow = readonly [bytes: number, messageExpiry: number | null, message: MessageRow | PacketRow]

interface Amount {
  count: number
  bytes: number
}

/** The change of count and bytes by storing a message. */
interface Effect extends Amount {
  isUnderWay: boolean
}

/** Messages read in one step, before the event loop continues. */
const PAGE = 200

/** Retained messages by topic. */
export class LmdbRetained {
  readonly #table: Table<RetainedRow>
  readonly #counters: Counters
  readonly #deadlines: LmdbDeadlines
  readonly #writer: LmdbWriter
  readonly #now: () => number
  /** The latest message of each topic that is not committed yet. */
  readonly #pending = new Map<string, Message>()
  /** The totals of the last transaction, and the changes that are being written. */
  #committed: Amount = { count: 0, bytes: 0 }
  readonly #underWay: Amount = { count: 0, bytes: 0 }

  constructor(environment: LmdbEnvironment, writer: LmdbWriter, deadlines: LmdbDeadlines, now: () => number) {
    this.#table = environment.table('retained')
    this.#counters = environment.counters
    this.#writer = writer
    this.#deadlines = deadlines
    this.#now = now
    this.#noteCommitted()
  }

  get count(): number {
    return this.#committed.count + this.#underWay.count
  }

  get bytes(): number {
    return this.#committed.bytes + this.#underWay.bytes
  }

  /**
   * Keeps a message in place of its topic's earlier one; an empty payload removes that [MQTT-3.3.1-6] [MQTT-3.3.1-7].
   */
  async store(message: Message): Promise<void> {
    const { topic } = message
    const row = rowOf(message)
    const [bytes] = row
    const earlierBytes = this.bytesAt(topic)
    const pending = messageIn(row)
    const effect = this.#begin({ count: Math.sign(bytes) - Math.sign(earlierBytes), bytes: bytes - earlierBytes })
    this.#pending.set(topic, pending)
    try {
      if (bytes === 0) await this.#writer.change(() => this.#accept(pending, undefined, effect))
      else await this.#writer.add(() => this.#accept(pending, row, effect))
    } finally {
      if (this.#pending.get(topic) === pending) this.#pending.delete(topic)
      this.#end(effect)
    }
  }

  /** Bytes of the message of a topic, or 0. */
  bytesAt(topic: string): number {
    const pending = this.#pending.get(topic)
    return pending === undefined ? (this.#table.get(textKey(topic))?.[0] ?? 0) : bytesOf(pending)
  }

  get(topic: string): Message | undefined {
    const pending = this.#pending.get(topic)
    if (pending !== undefined) return pending.payload.length === 0 || this.#isExpired(pending) ? undefined : pending
    const row = this.#table.get(textKey(topic))
    if (row === undefined) return undefined
    const message = messageIn(row)
    return this.#isExpired(message) ? undefined : message
  }

  /** Messages that match one of the filters, each once. */
  async *match(filters: readonly string[]): AsyncGenerator<Message, void, undefined> {
    for (const [i, filter] of filters.entries()) {
      const earlier = filters.slice(0, i)
      for await (const message of this.#matching(filter)) {
        if (!earlier.some(other => filterMatches(other, message.topic))) yield message
      }
    }
  }

  /** Removes up to `limit` expired messages. */
  takeExpired(now: number, limit: number): Message[] {
    const taken: Message[] = []
    for (const { owner } of this.#deadlines.due(DeadlineKind.retained, now, limit)) {
      const row = this.#table.get(owner)
      if (row === undefined) continue
      const message = messageIn(row)
      this.#replace(message.topic, undefined)
      taken.push(message)
    }
    if (taken.length > 0) this.#writer.afterCommit(() => this.#noteCommitted())
    return taken
  }

  async *#matching(filter: string): AsyncGenerator<Message, void, undefined> {
    if (!hasWildcard(filter)) {
      const message = await this.#writer.read(() => this.get(filter))
      if (message !== undefined) yield message
      return
    }
    const literal = filter.slice(0, filter.search(/[+#]/))
    // `sport/#` includes its parent level, `sport`
    const parent = literal !== '' && filter === `${literal}#` ? literal.slice(0, -1) : undefined
    if (parent !== undefined) yield* this.#matching(parent)
    const prefix = textPrefix(literal)
    const end = textPrefixEnd(prefix)
    const scan = new TopicScan(filter)
    for (let start: Buffer | undefined = prefix; start !== undefined; ) {
      const from: Buffer = start
      const page = await this.#writer.read(() => this.#page(scan, from, end))
      for (const message of page.matches) {
        if (message.topic !== parent && !this.#isExpired(message)) yield message
      }
      start = page.next
      await nextTurn()
    }
  }

  /** The matches in the next page of messages, and the key to continue from. */
  #page(scan: TopicScan, start: Buffer, end: Buffer): { matches: Message[]; next: Buffer | undefined } {
    const matches: Message[] = []
    let next: Buffer | undefined = start
    for (let seen = 0; next !== undefined && seen < PAGE; ) {
      const from: Buffer = next
      next = undefined
      for (const { key, value } of this.#table.scan({ start: from, end })) {
        const message = messageIn(value)
        if (scan.matches(message.topic)) matches.push(message)
        const place = scan.behind(message.topic, key)
        if (++seen < PAGE && place === 'next') continue
        next = place === 'next' ? behind(key) : place === 'end' ? undefined : place
        break
      }
    }
    return { matches, next }
  }

  /** @throws AnaxError if a queue refused the message, which then must not be stored anywhere */
  #accept(message: Message, row: RetainedRow | undefined, effect: Effect): void {
    if (this.#writer.hasRefused(message)) throw new AnaxError('ANAX_ERR_QUOTA', { detail: 'a queue is full' })
    this.#replace(message.topic, row)
    this.#writer.afterCommit(() => {
      this.#noteCommitted()
      this.#end(effect)
    })
  }

  #replace(topic: string, row: RetainedRow | undefined): void {
    const owner = textKey(topic)
    const earlier = this.#table.get(owner)
    if (earlier !== undefined) {
      this.#counters.retainedCount--
      this.#counters.retainedBytes -= earlier[0]
      this.#deadlines.remove(DeadlineKind.retained, earlier[1] ?? undefined, owner)
    }
    if (row === undefined) {
      if (earlier !== undefined) this.#table.delete(owner)
      return
    }
    this.#counters.retainedCount++
    this.#counters.retainedBytes += row[0]
    this.#table.put(owner, row)
    this.#deadlines.add(DeadlineKind.retained, row[1] ?? undefined, { owner, clientId: '' })
  }

  #begin({ count, bytes }: Amount): Effect {
    this.#underWay.count += count
    this.#underWay.bytes += bytes
    return { count, bytes, isUnderWay: true }
  }

  /** The write succeeded or failed, so its effect is no longer pending. */
  #end(effect: Effect): void {
    if (!effect.isUnderWay) return
    effect.isUnderWay = false
    this.#underWay.count -= effect.count
    this.#underWay.bytes -= effect.bytes
  }

  #noteCommitted(): void {
    const { retainedCount, retainedBytes } = this.#counters
    this.#committed = { count: retainedCount, bytes: retainedBytes }
  }

  #isExpired({ messageExpiry }: Message): boolean {
    return messageExpiry !== undefined && messageExpiry <= this.#now()
  }
}

function rowOf(message: Message): RetainedRow {
  const kept = 'messageExpiry' in message ? messageRow(message) : packetRow(message)
  return [bytesOf(message), message.messageExpiry ?? null, kept]
}

/** The message in a row. */
export function messageIn([, , kept]: RetainedRow): Message {
  return Array.isArray(kept) ? messageOf(kept as unknown as MessageRow) : (packetOf(kept as PacketRow) as Message)
}

/** Bytes of a message, or 0 if it removes the retained one. */
function bytesOf(message: Message): number {
  return message.payload.length === 0 ? 0 : messageBytes(message)
}
