/** What is noted of a connection with the session that it uses. Must not know how it is stored. */
import type { SessionDetails, StoredSession } from '../../../types/persistence.js'
import type { OpenRequest } from '../../session/session-directory.js'

/** The session details of a connection, merged with those the store has. */
export function detailsOf({ details }: OpenRequest, stored: StoredSession | undefined, now: number): SessionDetails {
  const { disconnectedAt: _, ...before } = stored === undefined ? { createdAt: now } : (stored.details ?? {})
  return { ...before, ...details, connectedAt: now }
}
