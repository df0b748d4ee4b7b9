/**
 * Lists all sessions and all wills of an LMDB store in pages, for administration and export. Owns the iteration; knows
 * no row.
 */
import type { MaybePromise, ScheduledWill, StoreCounts, StoredSession } from '../../../types/persistence.js'
import { behind, textKey } from './engine/encoding.js'
import type { Row } from './engine/table.js'
import type { LmdbParts } from './parts.js'
import type { SessionRecord } from './tables/sessions.js'

/** Rows read in one step; yields to the event loop after each page. */
const PAGE = 100

/** A page ends after this time, because a session may have many subscriptions. */
const PAGE_MS = 5

/** A session with all fields of the contract; undefined for a client that only the base contract knows. */
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

/** The next sessions after a client identifier, in the order of their keys. */
export function sessionsAfter(
  parts: LmdbParts,
  clientId: string | undefined,
  limit: number,
): MaybePromise<StoredSession[]> {
  return parts.writer.read(() => {
    const sessions: StoredSession[] = []
    const until = performance.now() + PAGE_MS
    let start = clientId === undefined ? undefined : behind(textKey(clientId))
    while (sessions.length < limit && (sessions.length === 0 || performance.now() < until)) {
      const [row] = parts.sessions.page(start, 1)
      if (row === undefined) break
      const session = storedSession(parts, row.value)
      if (session !== undefined) sessions.push(session)
      start = behind(row.key)
    }
    return sessions
  })
}

/** Totals, as of the last commit. */
export function countsOf({ sessions, subscriptions, queues, counters }: LmdbParts): StoreCounts {
  return {
    sessions: sessions.size,
    sessionBytes: counters.sessionBytes,
    subscriptions: subscriptions.size,
    queuedMessages: queues.messages.size,
    queuedBytes: counters.queuedBytes,
  }
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
