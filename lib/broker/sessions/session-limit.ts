/** Whether the store may keep one more session. Ends none to make room: whose would it be? Knows no clients. */
import type { SessionPersistence } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'

/** @throws AnaxError ANAX_ERR_QUOTA; not with a store that does not count its sessions */
export function checkRoomForSession(store: SessionPersistence, maxSessions: number): void {
  if ((store.counts?.().sessions ?? 0) < maxSessions) return
  throw new AnaxError('ANAX_ERR_QUOTA', { detail: `${maxSessions} sessions are stored`, scope: 'connection' })
}
