/** The details of a connection that are stored with its session. Must not know how they are stored. */
import type { SessionDetails, StoredSession } from '../../../types/persistence.js'
import type { OpenRequest } from '../../session/session-directory.js'

/** The session details of a connection, merged with those the store has. */
export function detailsOf({ details }: OpenRequest, stored: StoredSession | undefined, now: number): SessionDetails {
  const { disconnectedAt: _, ...before } = stored === undefined ? { createdAt: now } : (stored.details ?? {})
  return { ...before, ...details, connectedAt: now }
}
