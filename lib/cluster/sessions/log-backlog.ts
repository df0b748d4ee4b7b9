/**
 * The waiting messages in the log of one session whose client is connected: their number, and those that are dropped
 * because the client reads too slowly. Owns the counts; must not know the limits, nor the messages.
 */
import type { LogPosition } from '../../../types/cluster.js'
import { Fifo } from '../../util/collections/fifo.js'

interface Waiting {
  readonly sequence: number
  readonly bytes: number
  /** The order of arrival, over all shards. */
  readonly turn: number
}

/** A run of consecutive dropped messages of the session. */
interface Dropped {
  readonly from: number
  to: number
}

/** The backlog in one shard. */
class ShardBacklog {
  readonly waiting = new Fifo<Waiting>()
  /** Newest last. */
  dropped: Dropped[] = []
  /** Waiting messages up to here are dropped when they are read. */
  droppedUpTo = 0
  /** The last message that was added or dropped. */
  last = 0
  /** Whether it was dropped. */
  wasDropped = false
}

export class LogBacklog {
  #messages = 0
  #bytes = 0
  #turns = 0
  /** By shard; created when a message waits. */
  readonly #shards: (ShardBacklog | undefined)[] = []

  get messages(): number {
    return this.#messages
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds a waiting message. Those of one shard are added in order. */
  add({ shard, sequence }: LogPosition, bytes: number): void {
    const one = this.#of(shard)
    if (sequence <= one.last) return
    one.last = sequence
    one.wasDropped = false
    one.waiting.push({ sequence, bytes, turn: ++this.#turns })
    this.#messages++
    this.#bytes += bytes
  }

  /** Drops a new message. */
  drop({ shard, sequence }: LogPosition): void {
    const one = this.#of(shard)
    const run = one.dropped.at(-1)
    if (run !== undefined && one.wasDropped) run.to = sequence
    else one.dropped.push({ from: sequence, to: sequence })
    one.last = sequence
    one.wasDropped = true
  }

  /** Drops the oldest waiting message, which takes effect when it is read. */
  dropOldest(): void {
    let oldest: ShardBacklog | undefined
    for (const one of this.#shards) {
      const turn = one?.waiting.first?.turn
      if (turn !== undefined && turn < (oldest?.waiting.first?.turn ?? Number.POSITIVE_INFINITY)) oldest = one
    }
    if (oldest !== undefined) oldest.droppedUpTo = this.#take(oldest).sequence
  }

  /**
   * @returns `told` if the drop was already reported, `untold` if the message is dropped now; undefined for all other
   * messages
   */
  dropOf({ shard, sequence }: LogPosition): 'told' | 'untold' | undefined {
    const one = this.#shards[shard]
    if (one === undefined) return undefined
    if (sequence <= one.droppedUpTo) return 'untold'
    return one.dropped.some(({ from, to }) => from <= sequence && sequence <= to) ? 'told' : undefined
  }

  /** Notes that all messages of a shard up to here were sent or dropped. */
  advance(shard: number, sequence: number): void {
    const one = this.#shards[shard]
    if (one === undefined) return
    while (one.waiting.length > 0 && one.waiting.first!.sequence <= sequence) this.#take(one)
    if (one.dropped.length > 0 && one.dropped[0]!.to <= sequence) {
      one.dropped = one.dropped.filter(({ to }) => to > sequence)
    }
  }

  #of(shard: number): ShardBacklog {
    this.#shards[shard] ??= new ShardBacklog()
    return this.#shards[shard]
  }

  #take(one: ShardBacklog): Waiting {
    const taken = one.waiting.shift()
    this.#messages--
    this.#bytes -= taken.bytes
    return taken
  }
}
