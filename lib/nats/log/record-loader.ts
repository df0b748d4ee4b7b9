/**
 * Reads the records of clients of one shard: requests that arrive during a read are combined into the next one. Owns
 * the assignment of records to clients; must not know their content.
 */
import { Gathering } from '../wire/gathering.js'
import type { ShardSubjects } from '../wire/subjects.js'
import { clusterError } from '../wire/wire.js'
import type { LogReader } from './log-reader.js'

/** Clients of one read: each may have several records, and an answer has 1,024 at most. */
const MAX_CLIENTS = 100

/** The records of a client, by name. */
export type ClientRecords = ReadonlyMap<string, Uint8Array>

const NO_RECORDS: ClientRecords = new Map()

/** A request for the records of a client. */
interface Wanted {
  /** The beginning of the subjects of its records. */
  readonly base: string
  /** The sequence that the answering replica must have reached. */
  readonly atLeast: number
  resolve(records: ClientRecords): void
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

  /** The records of a client, from a replica that has reached a sequence. Removed ones are missing. */
  load(clientId: string, atLeast: number): Promise<ClientRecords> {
    const base = this.#subjects.record(clientId, '')
    return new Promise((resolve, reject) => this.#wanted.add({ base, atLeast, resolve, reject }))
  }

  async #answer(wanted: readonly Wanted[]): Promise<void> {
    try {
      const found = await this.#read(wanted)
      for (const { base, resolve } of wanted) resolve(found.get(base) ?? NO_RECORDS)
    } catch (error) {
      const failure = clusterError(error)
      for (const { reject } of wanted) reject(failure)
    }
  }

  /** @returns the records of each client, by the beginning of their subjects */
  async #read(wanted: readonly Wanted[]): Promise<Map<string, Map<string, Uint8Array>>> {
    const subjects = wanted.map(({ base }) => `${base}*`)
    const atLeast = Math.max(...wanted.map(one => one.atLeast))
    const found = new Map<string, Map<string, Uint8Array>>()
    for (const { subject, body } of await this.#log.latest(this.#shard, subjects, atLeast)) {
      if (body.length === 0) continue
      const nameAt = subject.lastIndexOf('.') + 1
      const base = subject.slice(0, nameAt)
      const name = subject.slice(nameAt)
      const records = found.get(base)
      if (records === undefined) found.set(base, new Map([[name, body]]))
      else records.set(name, body)
    }
    return found
  }
}
