/**
 * A replica may deliver a message that the leader has not applied yet; answers of the leader are then older than what
 * this node knows. Owns the waiting for the leaders of the shards, with one request for all that wait for the same
 * leader.
 */
import { Gathering } from '../wire/gathering.js'
import type { Wire } from '../wire/wire.js'

const PAUSE_MS = 5
const PATIENCE_MS = 3000
const MAX_WAITING = 10_000

interface Waiting {
  readonly sequence: number
  resolve(): void
  reject(error: unknown): void
}

export class LeaderProgress {
  readonly #waiting: readonly Gathering<Waiting>[]

  constructor(wire: Wire, shards: readonly { readonly stream: string }[]) {
    this.#waiting = shards.map(
      ({ stream }) => new Gathering<Waiting>(MAX_WAITING, waiting => answer(wire, stream, waiting)),
    )
  }

  /**
   * Resolves when the leader of a shard has reached a sequence that this node has seen. Rejects if that takes too long.
   */
  reach(shard: number, sequence: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting[shard]!.add({ sequence, resolve, reject }))
  }
}

async function answer(wire: Wire, stream: string, waiting: readonly Waiting[]): Promise<void> {
  try {
    await untilLeaderHas(wire, stream, Math.max(...waiting.map(({ sequence }) => sequence)))
    for (const { resolve } of waiting) resolve()
  } catch (error) {
    for (const { reject } of waiting) reject(error)
  }
}

async function untilLeaderHas(wire: Wire, stream: string, sequence: number): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while ((await wire.end(stream)) < sequence) {
    if (performance.now() > until) throw new Error(`the leader of ${stream} is behind ${sequence}`)
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
}
