/**
 * What waits in the log for one session whose client is connected: how much, and what of it is dropped because the client
 * reads too slowly. Owns the counts; must not know the limits, nor the messages.
 */
import type { LogPosition } from '../../types/cluster.js'
import { Fifo } from '../util/collections/fifo.js'

interface Waiting {
  readonly sequence: number
  readonly bytes: number
  /** Counts what came, in whichever shard. */
  readonly turn: number
}

/** A run of messages that are dropped, with no other one of the session between them. */
interface Dropped {
  readonly from: number
  to: number
}

/** One shard. */
class ShardBacklog {
  readonly waiting = new Fifo<Waiting>()
  /** Newest last. */
  dropped: Dropped[] = []
  /** What waits up to here is dropped when it is read. */
  droppedUpTo = 0
  /** The last that was let in or dropped. */
  last = 0
  /** Whether that was dropped. */
  wasDropped = false
}

export class LogBacklog {
  #messages = 0
  #bytes = 0
  #turns = 0
  /** By shard; made when something waits. */
  readonly #shards: (ShardBacklog | undefined)[] = []

  get messages(): number {
    return this.#messages
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A message has to wait. Those of one shard come in order. */
  add({ shard, sequence }: LogPosition, bytes: number): void {
    const one = this.#of(shard)
    if (sequence <= one.last) return
    one.last = sequence
    one.wasDropped = false
    one.waiting.push({ sequence, bytes, turn: ++this.#turns })
    this.#messages++
    this.#bytes += bytes
  }

  /** A message that has come is dropped. */
  drop({ shard, sequence }: LogPosition): void {
    const one = this.#of(shard)
    const run = one.dropped.at(-1)
    if (run !== undefined && one.wasDropped) run.to = sequence
    else one.dropped.push({ from: sequence, to: sequence })
    one.last = sequence
    one.wasDropped = true
  }

  /** The oldest that waits is dropped, when it is read. */
  dropOldest(): void {
    let oldest: ShardBacklog | undefined
    for (const one of this.#shards) {
      const turn = one?.waiting.first?.turn
      if (turn !== undefined && turn < (oldest?.waiting.first?.turn ?? Number.POSITIVE_INFINITY)) oldest = one
    }
    if (oldest !== undefined) oldest.droppedUpTo = this.#take(oldest).sequence
  }

  /** @returns `told` for a message whose drop is known, `untold` for one that is dropped now; undefined for all others */
  dropOf({ shard, sequence }: LogPosition): 'told' | 'untold' | undefined {
    const one = this.#shards[shard]
    if (one === undefined) return undefined
    if (sequence <= one.droppedUpTo) return 'untold'
    return one.dropped.some(({ from, to }) => from <= sequence && sequence <= to) ? 'told' : undefined
  }

  /** All of a shard up to here was sent or dropped. */
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
