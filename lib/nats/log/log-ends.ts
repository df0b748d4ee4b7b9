/**
 * The end of each shard's log: the position of its last message, according to the leader. Claims and records in the
 * shard do not count, so that a session that has read the whole log need not ask again. Owns sharing the request.
 */
import type { LogCursor } from '../../../types/cluster.js'
import type { ShardSubjects } from '../wire/subjects.js'
import type { Wire } from '../wire/wire.js'

/** A shard with a log. */
interface LogShard {
  readonly stream: string
  readonly subjects: ShardSubjects
}

export class LogEnds {
  readonly #wire: Wire
  readonly #shards: readonly LogShard[]
  /** An expired message does not move the end back. */
  readonly #ends: number[]
  /** The last sequence that has arrived at this node, by shard. */
  readonly #brought: number[]
  #running: Promise<LogCursor> | undefined
  #next: Promise<LogCursor> | undefined

  constructor(wire: Wire, shards: readonly LogShard[]) {
    this.#wire = wire
    this.#shards = shards
    this.#ends = shards.map(() => 0)
    this.#brought = shards.map(() => 0)
  }

  /** Called when a message has arrived at this node: later answers are not before it. */
  brought(shard: number, sequence: number): void {
    this.#brought[shard] = sequence
  }

  /** Shared by all callers until the read begins, so that the answer is never older than the call. */
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
    const last = await Promise.all(this.#shards.map((_, shard) => this.#endOf(shard)))
    for (const [shard, end] of last.entries()) this.#ends[shard] = Math.max(this.#ends[shard]!, end)
    return [...this.#ends]
  }

  async #endOf(shard: number): Promise<number> {
    const { stream, subjects } = this.#shards[shard]!
    const record = await this.#wire.last(stream, subjects.logOf('>'))
    // the last message may have expired, or the leader may be behind the replica that delivered it
    return Math.max(record?.sequence ?? 0, this.#brought[shard]!)
  }
}
