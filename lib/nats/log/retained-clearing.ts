/**
 * Cleans up after a retained message was deleted. Each shard may have one for the same topic, and the newest is valid:
 * the empty message stays until the older ones are removed, then it is removed as well.
 */
import type { LogPosition } from '../../../types/cluster.js'
import type { ShardSubjects } from '../wire/subjects.js'
import { RefusedRequest, ServerError, type StoredRecord, type Wire } from '../wire/wire.js'
import { removal } from './writes.js'

interface ClearedShard {
  readonly stream: string
  readonly subjects: ShardSubjects
}

const TIMEOUT_MS = 3000

/** @param by the position of the empty message that deleted it */
export async function clearRetained(
  wire: Wire,
  shards: readonly ClearedShard[],
  topic: string,
  by: LogPosition,
): Promise<void> {
  const { stream, subjects } = shards[by.shard]!
  const own = await wire.last(stream, subjects.retained(topic))
  // there is a newer one, so nothing is to be done
  if (own?.sequence !== by.sequence) return
  const others = shards.filter((_, shard) => shard !== by.shard)
  const cleared = await Promise.all(others.map(shard => clearIn(wire, shard, topic, own)))
  if (cleared.every(isClear => isClear)) await remove(wire, own)
}

/** @returns whether the shard has no older message */
async function clearIn(
  wire: Wire,
  { stream, subjects }: ClearedShard,
  topic: string,
  by: StoredRecord,
): Promise<boolean> {
  const record = await wire.last(stream, subjects.retained(topic))
  if (record === undefined || record.body.length === 0 || record.time > by.time) return true
  return await remove(wire, record)
}

/** @returns whether it was still there */
async function remove(wire: Wire, { subject, sequence }: StoredRecord): Promise<boolean> {
  try {
    await wire.write(removal(subject), { expect: { subject, sequence } }, TIMEOUT_MS)
    return true
  } catch (error) {
    if (error instanceof RefusedRequest && error.is(ServerError.WrongLastSequence)) return false
    throw error
  }
}
