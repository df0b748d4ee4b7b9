/**
 * Finds the clients in the database of `aedes-persistence-level`, whose contract cannot list them. Owns how its keys
 * begin, as version 9 makes them; reads no value.
 */

/** The members of a `level` database that are used. */
export interface LevelKeys {
  keys(range: { gte: string; lt: string }): AsyncIterable<string>
}

/** A range of keys that contain a client identifier. */
const RANGES = [
  { gte: 'subscriptions:', lt: 'subscriptions;' },
  { gte: 'outgoing:', lt: 'outgoing;' },
] as const

/**
 * The ids of the clients that have subscriptions or queued messages, each once: for the option `clientIds` of an export.
 * @param db the database that the store works on, opened
 */
export async function* clientIdsInLevel(db: LevelKeys): AsyncGenerator<string> {
  const seen = new Set<string>()
  for (const range of RANGES) {
    for await (const key of db.keys(range)) {
      const clientId = decodeURIComponent(key.slice(range.gte.length).split(':')[0]!)
      if (!seen.has(clientId)) yield clientId
      seen.add(clientId)
    }
  }
}
