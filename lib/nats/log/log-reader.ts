/**
 * Reads the log and the retained messages without a consumer. Owns what has to be done because a replica may be behind:
 * the leader has the last word. Must not know sessions.
 */
import type { LogEntry, LogPosition } from '../../../types/cluster.js'
import type { Message } from '../../../types/message.js'
import { messageFrom } from '../message-bytes.js'
import { filterTokens, LONG_TOPICS, type ShardSubjects, topicOf } from '../subjects.js'
import { RefusedRequest, ServerError, type StoredRecord, type Wire } from '../wire.js'
import { covers } from './interest.js'
import { untilLeaderHas } from './leader-progress.js'

const PAUSE_MS = 5
/** How often replicas are asked that may be behind, before the leader is asked for one record after the other. */
const MAX_TRIES = 60

/** A shard that is read. */
export interface ReadShard {
  readonly stream: string
  readonly subjects: ShardSubjects
  /** A subject that is always there. */
  readonly anchor: string
}

export class LogReader {
  readonly #wire: Wire
  readonly #shards: readonly ReadShard[]
  readonly #brought: (shard: number) => number

  /** @param brought up to which sequence a shard was brought to this node, from whatever replica */
  constructor(wire: Wire, shards: readonly ReadShard[], brought: (shard: number) => number) {
    this.#wire = wire
    this.#shards = shards
    this.#brought = brought
  }

  /** Where a shard's log begins, as the sequence before it. */
  async begin(shard: number): Promise<number> {
    const { stream, subjects } = this.#shards[shard]!
    const first = await this.#wire.next(stream, 1, subjects.logOf('>'))
    return first === undefined ? 0 : first.sequence - 1
  }

  /** Everything of one shard that the filters have, behind `after` and up to `end`, in order. */
  async *read(shard: number, filters: readonly string[], after: number, end: number): AsyncGenerator<LogEntry> {
    if (after >= end) return
    const { stream, subjects } = this.#shards[shard]!
    const sources = subjectsOf(filters).map(tokens => this.#follow(stream, subjects.logOf(tokens), after + 1, end))
    for await (const record of inOrder(sources)) {
      yield { position: { shard, sequence: record.sequence }, message: this.message(record, subjects.logOf('')) }
    }
  }

  async entry(position: LogPosition): Promise<LogEntry | undefined> {
    const { stream, subjects } = this.#shards[position.shard]!
    const { shard, sequence } = position
    let record = await this.#wire.at(stream, sequence)
    // it was trimmed, or the leader has not come so far
    if (record === undefined && sequence <= this.#brought(shard)) {
      await untilLeaderHas(this.#wire, stream, sequence)
      record = await this.#wire.at(stream, sequence)
    }
    const base = subjects.logOf('')
    if (record === undefined || !record.subject.startsWith(base)) return undefined
    return { position, message: this.message(record, base) }
  }

  /** The newest retained message of each topic that the filters have. */
  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    const newest = new Map<string, { message: Message; time: number }>()
    const found = await Promise.all(this.#shards.map((_, shard) => this.#retainedIn(shard, filters)))
    for (const { message, time } of found.flat()) {
      const other = newest.get(message.topic)
      if (other === undefined || other.time < time) newest.set(message.topic, { message, time })
    }
    for (const { message } of newest.values()) if (message.payload.length > 0) yield message
  }

  /** Reads the records of subjects. @returns undefined where no replica that was asked has come to a sequence */
  async #current(shard: number, subjects: readonly string[], atLeast: number): Promise<StoredRecord[] | undefined> {
    const { stream, anchor } = this.#shards[shard]!
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { records, upTo } = await this.#wire.lastOf(stream, [anchor, ...subjects])
      if (upTo >= atLeast) return records.filter(({ subject }) => subject !== anchor)
      await pause()
    }
    return undefined
  }

  /** The records of subjects, however many there are, as they were at a sequence or later; each subject has one message only. */
  async latest(shard: number, subjects: readonly string[], atLeast: number): Promise<StoredRecord[]> {
    const { stream } = this.#shards[shard]!
    try {
      const records = await this.#current(shard, subjects, atLeast)
      if (records !== undefined) return records
    } catch (error) {
      if (!(error instanceof RefusedRequest) || !error.is(ServerError.TooManyMatches)) throw error
    }
    return await this.#all(stream, subjects, await this.#wire.end(stream))
  }

  /** @param base what is before the tokens of the topic */
  message({ subject, body }: Pick<StoredRecord, 'subject' | 'body'>, base: string): Message {
    return messageFrom(body, topicOf(subject.slice(base.length))).message
  }

  async #retainedIn(shard: number, filters: readonly string[]): Promise<{ message: Message; time: number }[]> {
    const { stream, subjects } = this.#shards[shard]!
    const wanted = subjectsOf(filters).map(tokens => subjects.retainedOf(tokens))
    const end = await this.#wire.end(stream)
    const found = await this.latest(shard, wanted, end)
    const base = subjects.retainedOf('')
    return found
      .filter(({ body }) => body.length > 0)
      .map(record => ({ message: this.message(record, base), time: record.time }))
  }

  /** There are too many for one answer. Each subject has one message only, so all there are is the same as the last of each. */
  async #all(stream: string, subjects: readonly string[], end: number): Promise<StoredRecord[]> {
    // a replica that is behind may still have what was replaced
    const records = new Map<string, StoredRecord>()
    for (const subject of subjects)
      for await (const record of this.#follow(stream, subject, 1, end)) records.set(record.subject, record)
    return [...records.values()]
  }

  /** All messages of a subject, page by page. The leader says whether there is another page: a replica may not have it yet. */
  async *#follow(stream: string, subject: string, from: number, end: number): AsyncGenerator<StoredRecord> {
    let next = from
    while (next <= end) {
      const first = await this.#wire.next(stream, next, subject)
      if (first === undefined || first.sequence > end) return
      yield first
      next = first.sequence + 1
      for (const record of await this.#wire.nextOf(stream, next, subject)) {
        if (record.sequence > end) return
        yield record
        next = record.sequence + 1
      }
    }
  }
}

/** Subjects of filters, none within another; topics that are too long may match any of them. */
function subjectsOf(filters: readonly string[]): string[] {
  const kept: string[] = []
  for (const subject of new Set([...filters.map(filterTokens), LONG_TOPICS])) {
    if (covers(kept, subject)) continue
    kept.push(subject)
  }
  return kept
}

/** Merges by sequence, each sequence once. */
async function* inOrder(sources: readonly AsyncGenerator<StoredRecord>[]): AsyncGenerator<StoredRecord> {
  const heads = await Promise.all(sources.map(source => source.next()))
  let last = 0
  for (;;) {
    let first = -1
    for (const [index, { done, value }] of heads.entries()) {
      if (!done && (first === -1 || value.sequence < heads[first]!.value.sequence)) first = index
    }
    if (first === -1) return
    const record = heads[first]!.value as StoredRecord
    if (record.sequence > last) yield record
    last = Math.max(last, record.sequence)
    heads[first] = await sources[first]!.next()
  }
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, PAUSE_MS))
}
