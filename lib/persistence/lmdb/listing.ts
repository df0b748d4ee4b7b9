/**
 * All sessions and all wills of an LMDB store, in pages, for administration and export.
 * Owns how they are walked; knows no row.
 */
import type { ScheduledWill, StoredSession } from '../../../types/persistence.js'
import { behind } from './engine/encoding.js'
import type { Row } from './engine/table.js'
import type { LmdbParts } from './parts.js'
import type { SessionRecord } from './tables/sessions.js'

/** Rows read in one go; the event loop has its turn after each page. */
const PAGE = 100

/** A session with all that the contract tells of it; undefined for a client that only the base contract knows. */
export function storedSession(parts: LmdbParts, record: SessionRecord): StoredSession | undefined {
  const { clientId, expiryInterval, expiresAt, details } = record
  if (expiryInterval === undefined) return undefined
  const subscriptions = parts.subscriptions.of(record)
  const session: StoredSession = {
    clientId,
    expiryInterval,
    expiresAt,
    subscriptions,
    incoming: parts.sessions.incoming(record),
  }
  if (details !== undefined) session.details = details
  return session
}

/** All sessions, in the order of their keys. */
export function listSessions(parts: LmdbParts): AsyncGenerator<StoredSession, void, undefined> {
  return pages(parts, start => {
    const page = parts.sessions.page(start, PAGE)
    return page.map(({ key, value }) => ({ key, value: storedSession(parts, value) }))
  })
}

/** All wills, in the order of their keys. */
export function listWills(parts: LmdbParts): AsyncGenerator<ScheduledWill, void, undefined> {
  return pages(parts, start => parts.wills.page(start, PAGE))
}

async function* pages<T>(
  { writer }: LmdbParts,
  read: (start: Buffer | undefined) => Row<T | undefined>[],
): AsyncGenerator<T, void, undefined> {
  for (let start: Buffer | undefined; ; ) {
    const from: Buffer | undefined = start
    const page: Row<T | undefined>[] = await writer.read(() => read(from))
    for (const { value } of page) if (value !== undefined) yield value
    if (page.length < PAGE) return
    start = behind(page.at(-1)!.key)
  }
}
