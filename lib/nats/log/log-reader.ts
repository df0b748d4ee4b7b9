/**
 * Reads the log and the retained messages without a consumer. Owns the handling of replicas that are behind the leader.
 * Must not know sessions.
 */
import type { LogEntry, LogPosition } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import { filterMatches } from '../../index.js'
import { messageFrom } from '../wire/message-bytes.js'
import { filterTokens, LONG_TOPICS, type ShardSubjects, topicOf } from '../wire/subjects.js'
import type { StoredRecord, Wire } from '../wire/wire.js'
import { covers } from './interest.js'
import { LeaderProgress } from './leader-progress.js'
import { NewMessages } from './new-messages.js'

const PAUSE_MS = 5
/** The number of requests to replicas that may be behind, before the leader is asked for each record. */
const MAX_TRIES = 60
/** Maximum bytes of the answer about new messages: their content is not needed. */
const MAX_BYTES = 1024 * 1024

/** A shard to read. */
export interface ReadShard {
  readonly stream: string
  readonly subjects: ShardSubjects
  /** A subject that always has a message. */
  readonly anchor: string
}

export class LogReader {
  readonly #wire: Wire
  readonly #shards: readonly ReadShard[]
  readonly #brought: (shard: number) => number
  readonly #leaders: LeaderProgress
  /** By shard. */
  readonly #new: readonly NewMessages[]

  /** @param brought the last sequence of a shard that has arrived at this node, from any replica */
  constructor(wire: Wire, shards: readonly ReadShard[], brought: (shard: number) => number) {
    this.#wire = wire
    this.#shards = shards
    this.#brought = brought
    this.#leaders = new LeaderProgress(wire, shards)
    this.#new = shards.map(
      (_, shard) =>
        new NewMessages((subjects, range) => this.#current(shard, subjects, { ...range, maxBytes: MAX_BYTES })),
    )
  }

  /** The beginning of a shard's log, as the sequence before its first message. */
  async begin(shard: number): Promise<number> {
    const { stream, subjects } = this.#shards[shard]!
    const first = await this.#wire.next(stream, 1, subjects.logOf('>'))
    return first === undefined ? 0 : first.sequence - 1
  }

  /**
   * The messages of one shard that match the filters, after `after` and up to `end`, in order.
   * @param end the end of the log, or a message that a replica has delivered; the leader may be behind it
   */
  async *read(shard: number, filters: readonly string[], after: number, end: number): AsyncGenerator<LogEntry> {
    if (after >= end) return
    const { stream, subjects } = this.#shards[shard]!
    const all = subjectsOf(filters).map(tokens => subjects.logOf(tokens))
    const wanted = await this.#new[shard]!.of(all, after, end)
    if (wanted.length === 0) return
    await this.#leaders.reach(shard, end)
    const sources = wanted.map(subject => this.#follow(stream, subject, after + 1, end))
    for await (const record of inOrder(sources)) {
      yield { position: { shard, sequence: record.sequence }, message: this.message(record, subjects.logOf('')) }
    }
  }

  async entry(position: LogPosition): Promise<LogEntry | undefined> {
    const { stream, subjects } = this.#shards[position.shard]!
    const { shard, sequence } = position
    let record = await this.#wire.at(stream, sequence)
    // it was trimmed, or the leader has not reached it yet
    if (record === undefined && sequence <= this.#brought(shard)) {
      await this.#leaders.reach(shard, sequence)
      record = await this.#wire.at(stream, sequence)
    }
    const base = subjects.logOf('')
    if (record === undefined || !record.subject.startsWith(base)) return undefined
    return { position, message: this.message(record, base) }
  }

  /** The newest retained message of each topic that matches the filters. */
  async retained(filters: readonly string[]): Promise<Message[]> {
    const newest = new Map<string, { message: Message; time: number }>()
    const found = await Promise.all(this.#shards.map((_, shard) => this.#retainedIn(shard, filters)))
    for (const { message, time } of found.flat()) {
      // subjects know no topics that begin with $, and one subject has all topics that are too long
      if (!filters.some(filter => filterMatches(filter, message.topic))) continue
      const other = newest.get(message.topic)
      if (other === undefined || other.time < time) newest.set(message.topic, { message, time })
    }
    return [...newest.values()].flatMap(({ message }) => (message.payload.length > 0 ? [message] : []))
  }

  /**
   * Reads the last message of each subject, in one answer.
   * @param range the replica must have reached `atLeast`
   */
  async #current(
    shard: number,
    subjects: readonly string[],
    { atLeast, ...range }: { readonly atLeast: number; readonly from?: number; readonly maxBytes?: number },
  ): Promise<StoredRecord[] | 'too many' | 'behind'> {
    const { stream, anchor } = this.#shards[shard]!
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#wire.lastOf(stream, [anchor, ...subjects], range)
      if (answer === 'too many') return answer
      if (answer.upTo >= atLeast) return answer.records.filter(({ subject }) => subject !== anchor)
      await pause()
    }
    return 'behind'
  }

  /** The records of any number of subjects, as of a sequence or later. Each subject has only one message. */
  async latest(shard: number, subjects: readonly string[], atLeast: number): Promise<StoredRecord[]> {
    const { stream } = this.#shards[shard]!
    const records = await this.#current(shard, subjects, { atLeast })
    return typeof records === 'object' ? records : await this.#all(stream, subjects, await this.#wire.end(stream))
  }

  /** @param base the prefix before the tokens of the topic */
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

  /** Reads too many records for one answer. Each subject has only one message, so all messages are the last ones. */
  async #all(stream: string, subjects: readonly string[], end: number): Promise<StoredRecord[]> {
    // a replica that is behind may still have a replaced message
    const records = new Map<string, StoredRecord>()
    for (const subject of subjects)
      for await (const record of this.#follow(stream, subject, 1, end)) records.set(record.subject, record)
    return [...records.values()]
  }

  /**
   * All messages of a subject, page by page. The leader tells whether there is another page, because a replica may not
   * have it yet.
   */
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

/** Subjects of filters that do not overlap; topics that are too long may match any filter. */
function subjectsOf(filters: readonly string[]): string[] {
  const kept: string[] = []
  for (const subject of new Set([...filters.map(filterTokens), LONG_TOPICS])) {
    if (covers(kept, subject)) continue
    kept.push(subject)
  }
  return kept
}

/** Merges by sequence, without duplicates. */
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
