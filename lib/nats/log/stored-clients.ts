/**
 * Reads the records of all clients of one shard, whoever owns them. Owns finding the clients; must not know the content
 * of records, except the client identifiers that are too long for a subject.
 */
import type { StoredClient } from '../../../types/cluster.js'
import { ownerOf } from '../nodes/claims.js'
import { clientOf, ownerOfSubject, type ShardSubjects } from '../wire/subjects.js'
import type { StoredRecord, Wire } from '../wire/wire.js'
import type { LogReader } from './log-reader.js'
import { CLIENT_ID, joinParts } from './record-parts.js'

/** Clients of one read: each may have several records, and an answer has 1,024 at most. */
const AT_ONCE = 100

export interface StoredClientsParts {
  readonly wire: Wire
  readonly log: Pick<LogReader, 'latest'>
  readonly shard: number
  readonly stream: string
  readonly subjects: ShardSubjects
}

export class StoredClients {
  readonly #parts: StoredClientsParts
  /** The tokens of the clients that were found. A record that is written meanwhile is found again. */
  readonly #known = new Set<string>()
  /** Found, and not read yet. */
  #found: readonly string[] = []
  /** The sequence from which clients are looked for. */
  #next = 1

  constructor(parts: StoredClientsParts) {
    this.#parts = parts
  }

  /** The next clients; undefined if there are no more. If it rejects, the next call asks for the same ones. */
  async next(): Promise<StoredClient[] | undefined> {
    if (this.#found.length === 0) this.#found = await this.#find()
    if (this.#found.length === 0) return undefined
    const clients = await this.#read(this.#found.slice(0, AT_ONCE))
    this.#found = this.#found.slice(AT_ONCE)
    return clients
  }

  async #find(): Promise<string[]> {
    const { wire, stream, subjects } = this.#parts
    for (;;) {
      const page = await wire.nextOf(stream, this.#next, subjects.allRecords)
      // a replica may be behind, so the leader tells whether this is the end
      const last = page.at(-1) ?? (await wire.next(stream, this.#next, subjects.allRecords))
      if (last === undefined) return []
      this.#next = last.sequence + 1
      const found = new Set([...page, last].map(({ subject }) => ownerOfSubject(subject).token))
      const tokens = [...found].filter(token => !this.#known.has(token))
      for (const token of tokens) this.#known.add(token)
      if (tokens.length > 0) return tokens
    }
  }

  async #read(tokens: readonly string[]): Promise<StoredClient[]> {
    const { wire, log, shard, stream, subjects } = this.#parts
    const wanted = tokens.flatMap(token => [subjects.recordOf(token, '*'), subjects.claimOf(token)])
    const found = await log.latest(shard, wanted, await wire.end(stream))
    const byToken = new Map<string, StoredRecord[]>(tokens.map(token => [token, []]))
    for (const record of found) byToken.get(ownerOfSubject(record.subject).token)!.push(record)
    return [...byToken].flatMap(([token, records]) => clientOfRecords(token, records) ?? [])
  }
}

/** @returns undefined if the records were deleted meanwhile */
function clientOfRecords(token: string, stored: readonly StoredRecord[]): StoredClient | undefined {
  const parts = new Map<string, Uint8Array>()
  let isInUse = false
  for (const record of stored) {
    const { name } = ownerOfSubject(record.subject)
    if (name === undefined) {
      const owner = ownerOf(record)
      isInUse = owner !== undefined && owner.caretaker !== true
    } else if (record.body.length > 0) {
      parts.set(name, record.body)
    }
  }
  const long = parts.get(CLIENT_ID)
  const clientId = clientOf(token) ?? (long && Buffer.from(long).toString('utf8'))
  const records = joinParts(parts, new Map())
  return clientId === undefined || records.size === 0 ? undefined : { clientId, records, isInUse }
}
