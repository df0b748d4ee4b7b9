/**
 * A replica may bring a message that the leader has not applied yet, and what the leader says then is older than what this
 * node knows. Owns waiting for the leader.
 */
import type { Wire } from '../wire.js'

const PAUSE_MS = 5
const PATIENCE_MS = 3000

/** Resolves when the leader of a stream has come to a sequence that was seen before. Rejects where that takes long. */
export async function untilLeaderHas(wire: Wire, stream: string, sequence: number): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while ((await wire.end(stream)) < sequence) {
    if (performance.now() > until) throw new Error(`the leader of ${stream} is behind ${sequence}`)
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
}
