/**
 * Reads the records of clients of one shard: requests that arrive during a read are combined into the next one. Owns
 * the assignment of records to clients; must not know their content.
 */
import { Gathering } from '../wire/gathering.js'
import type { ShardSubjects } from '../wire/subjects.js'
import type { StoredRecord } from '../wire/wire.js'
import type { LogReader } from './log-reader.js'

/** Clients of one read: each may have several records, and an answer has 1,024 at most. */
const MAX_CLIENTS = 100

/** A request for the records of a client. */
interface Wanted {
  readonly clientId: string
  /** The sequence that the answering replica must have reached. */
  readonly atLeast: number
  resolve(records: StoredRecord[]): void
  reject(error: unknown): void
}

export class RecordLoader {
  readonly #log: LogReader
  readonly #shard: number
  readonly #subjects: ShardSubjects
  readonly #wanted = new Gathering<Wanted>(MAX_CLIENTS, wanted => this.#answer(wanted))

  constructor(log: LogReader, shard: number, subjects: ShardSubjects) {
    this.#log = log
    this.#shard = shard
    this.#subjects = subjects
  }

  /** The records of a client, from a replica that has reached a sequence. */
  load(clientId: string, atLeast: number): Promise<StoredRecord[]> {
    return new Promise((resolve, reject) => this.#wanted.add({ clientId, atLeast, resolve, reject }))
  }

  async #answer(wanted: readonly Wanted[]): Promise<void> {
    try {
      const found = await this.#read(wanted)
      for (const { clientId, resolve } of wanted) resolve(found.get(this.#baseOf(clientId)) ?? [])
    } catch (error) {
      for (const { reject } of wanted) reject(error)
    }
  }

  /** @returns the records by the prefix of their subjects */
  async #read(wanted: readonly Wanted[]): Promise<Map<string, StoredRecord[]>> {
    const subjects = wanted.map(({ clientId }) => `${this.#baseOf(clientId)}*`)
    const atLeast = Math.max(...wanted.map(one => one.atLeast))
    const found = new Map<string, StoredRecord[]>()
    for (const record of await this.#log.latest(this.#shard, subjects, atLeast)) {
      const base = record.subject.slice(0, record.subject.lastIndexOf('.') + 1)
      const records = found.get(base)
      if (records === undefined) found.set(base, [record])
      else records.push(record)
    }
    return found
  }

  #baseOf(clientId: string): string {
    return this.#subjects.record(clientId, '')
  }
}
