/**
 * Where the log of each shard ends: the place of its last message, as the leader has it. What else a shard has, claims and
 * records, does not count, so that a session that has read all of the log need not ask again. Owns sharing the question.
 */
import type { LogCursor } from '../../../types/cluster.js'
import type { ShardSubjects } from '../subjects.js'
import type { Wire } from '../wire.js'

/** A shard with a log. */
interface LogShard {
  readonly stream: string
  readonly subjects: ShardSubjects
}

export class LogEnds {
  readonly #wire: Wire
  readonly #shards: readonly LogShard[]
  /** A message that expired does not take the end back. */
  readonly #ends: number[]
  #running: Promise<LogCursor> | undefined
  #next: Promise<LogCursor> | undefined

  constructor(wire: Wire, shards: readonly LogShard[]) {
    this.#wire = wire
    this.#shards = shards
    this.#ends = shards.map(() => 0)
  }

  /** Shared by those who ask before the read begins: what it tells is not older than the question. */
  read(): Promise<LogCursor> {
    if (this.#running === undefined) return this.#start()
    const start = () => this.#start()
    this.#next ??= this.#running.then(start, start)
    return this.#next
  }

  #start(): Promise<LogCursor> {
    this.#next = undefined
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #read(): Promise<LogCursor> {
    const last = await Promise.all(
      this.#shards.map(({ stream, subjects }) => this.#wire.last(stream, subjects.logOf('>'))),
    )
    for (const [shard, record] of last.entries()) {
      this.#ends[shard] = Math.max(this.#ends[shard]!, record?.sequence ?? 0)
    }
    return [...this.#ends]
  }
}
