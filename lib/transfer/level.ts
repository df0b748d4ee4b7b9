/**
 * Finds the clients in the database of `aedes-persistence-level`, whose contract cannot list them. Owns the prefixes of
 * its keys in version 9; reads no value.
 */

/** The used members of a `level` database. */
export interface LevelKeys {
  keys(range: { gte: string; lt: string }): AsyncIterable<string>
}

/** A range of keys that contain a client identifier. */
const RANGES = [
  { gte: 'subscriptions:', lt: 'subscriptions;' },
  { gte: 'outgoing:', lt: 'outgoing;' },
] as const

/**
 * The ids of the clients that have subscriptions or queued messages, each once: for the option `clientIds` of an
 * export.
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
