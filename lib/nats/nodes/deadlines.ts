/**
 * Tracks the deadlines of sessions in one shard, for the partitions of this node, and the claims of failed nodes. Must
 * not know how a deadline is handled.
 */
import type { ConsumerMessages, JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { ClusterEvents } from '../../../types/cluster.js'
import { followLatest, withoutGaps } from '../wire/pull.js'
import type { ShardSubjects } from '../wire/subjects.js'
import { partitionOf } from '../wire/subjects.js'
import { clusterError, type StoredRecord, type Wire } from '../wire/wire.js'
import type { Claims } from './claims.js'

/** Above this number of partitions, all deadlines are followed, and those of other nodes are skipped. */
const MAX_SUBJECTS = 64
const PAUSE_MS = 500

/** The record of a deadline. */
interface DeadlineRecord {
  readonly clientId: string
  readonly at: number
}

export interface DeadlinesParts {
  readonly wire: Wire
  readonly manager: JetStreamManager
  readonly client: JetStreamClient
  readonly stream: string
  readonly subjects: ShardSubjects
  readonly name: string
  readonly claims: Claims
  readonly events: Pick<ClusterEvents, 'deadline' | 'orphan' | 'failed'>
  mine(): ReadonlySet<number>
}

export function deadlineBytes(record: DeadlineRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record))
}

export class Deadlines {
  readonly #parts: DeadlinesParts
  /** Subject -> client identifier, for the deadlines that the broker knows. */
  readonly #told = new Map<string, string>()
  #messages: ConsumerMessages | undefined
  #count = 0
  #isStopped = false
  #following: Promise<void> | undefined
  #again = false

  constructor(parts: DeadlinesParts) {
    this.#parts = parts
  }

  /** Reads all deadlines again, at the start and when the partitions have changed. */
  refresh(): void {
    this.#again = true
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#messages?.stop()
  }

  async #follow(): Promise<void> {
    while (this.#again && !this.#isStopped) {
      this.#again = false
      try {
        this.#forgetOthers()
        await this.#begin()
        await this.#findOrphans()
      } catch (error) {
        this.#parts.events.failed(clusterError(error))
        this.#again = true
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
      }
    }
  }

  #forgetOthers(): void {
    const mine = this.#parts.mine()
    for (const [subject, clientId] of this.#told) {
      if (mine.has(partitionOf(clientId))) continue
      this.#told.delete(subject)
      this.#parts.events.deadline(clientId, undefined)
    }
  }

  async #begin(): Promise<void> {
    const { subjects, name, mine } = this.#parts
    const before = this.#messages
    // a consumer that ends now must not be recreated
    this.#messages = undefined
    before?.stop()
    const partitions = [...mine()]
    if (partitions.length === 0) return
    const consumer = `${name}-due-${++this.#count}`
    const followed =
      partitions.length > MAX_SUBJECTS ? [subjects.allDeadlines] : partitions.map(one => subjects.deadlines(one))
    const { messages } = await followLatest(this.#parts, consumer, followed)
    this.#messages = messages
    this.#read(messages)
  }

  async #read(messages: ConsumerMessages): Promise<void> {
    try {
      for await (const { subject, data } of withoutGaps(messages, this.#parts.events.failed)) this.#take(subject, data)
    } catch {
      // it is recreated
    }
    if (this.#messages === messages && !this.#isStopped) this.refresh()
  }

  #take(subject: string, body: Uint8Array): void {
    const { events, mine } = this.#parts
    if (body.length === 0) {
      const clientId = this.#told.get(subject)
      this.#told.delete(subject)
      if (clientId !== undefined) events.deadline(clientId, undefined)
      return
    }
    const { clientId, at } = JSON.parse(Buffer.from(body).toString('utf8')) as DeadlineRecord
    if (!mine().has(partitionOf(clientId))) return
    this.#told.set(subject, clientId)
    events.deadline(clientId, at)
  }

  /** Finds the claims of failed nodes, in the partitions of this node. */
  async #findOrphans(): Promise<void> {
    const { wire, stream, subjects, claims, events, mine } = this.#parts
    const partitions = [...mine()]
    const sources = partitions.length > MAX_SUBJECTS ? [undefined] : partitions
    for (const partition of sources) {
      for await (const record of pagesOf(wire, stream, subjects.claims(partition))) {
        if (this.#again || this.#isStopped) return
        const orphan = await claims.orphanOf(record)
        if (orphan !== undefined && mine().has(partitionOf(orphan))) events.orphan(orphan)
      }
    }
  }
}

async function* pagesOf(wire: Wire, stream: string, subject: string): AsyncGenerator<StoredRecord> {
  for (let next = 1; ; ) {
    const page = await wire.nextOf(stream, next, subject)
    // a replica may be behind, so the leader tells whether this is the end
    const last = page.at(-1) ?? (await wire.next(stream, next, subject))
    if (last === undefined) return
    yield* page.length > 0 ? page : [last]
    next = last.sequence + 1
  }
}
